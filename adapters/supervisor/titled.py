"""Gives the fork server a title for `ps`, before anything changes the environment.

Where the title may lie is found at the first call, by looking back from the environment.
"""

from setproctitle import setproctitle

setproctitle("annals fork server")
