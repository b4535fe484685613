"""A plugin for ``snews_pt subscribe``: print what it is called with, as one line that says whether it is an alert."""

import json
import sys
from pathlib import Path

content = json.loads(Path(sys.argv[1]).read_text())
sys.stdout.write(f"plugin: {'alert' if 'alert_uuid' in content else 'none'} {json.dumps(content)}\n")
