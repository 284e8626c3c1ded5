"""`python -m infra.cli`, which is what the launcher runs."""

import sys

from infra.cli.main import main

sys.exit(main())
