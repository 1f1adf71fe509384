"""The public face: HTTP, served by granian through Litestar."""
