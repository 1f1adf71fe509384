"""What the fork server does before it loads the program: it ends with us, and has a title for `ps`.

Where a title may lie is found at the first call, by looking back from the environment, which must
not have been changed before.
"""

import signal

from setproctitle import setproctitle

from adapters.supervisor.start import die_with_parent

die_with_parent(signal.SIGTERM)
setproctitle("annals fork server")
