"""What each kind of process runs over the platform; any number of each may run."""
