"""`python -m fedtrain_operator`: runs until it is stopped; the environment says how (`shared/settings.py`)."""

import sys

from fedtrain_operator.main import main

sys.exit(main())
