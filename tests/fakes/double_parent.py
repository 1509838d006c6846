"""The real parent with doubles for children, run as a program: `double_parent.py CONFIG`."""

import sys
from pathlib import Path

from fallbackrouter.daemon.programs import Programs
from fallbackrouter.daemon.serve import serve

if __name__ == "__main__":
    start = (sys.executable, "-P", str(Path(__file__).with_name("double_children.py")))
    sys.exit(serve(Path(sys.argv[1]), Programs((*start, "prepare"), (*start, "worker"), (*start, "background"))))
