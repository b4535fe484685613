"""An adapter for code that was written against the first SNEWS 2.0 application, hop-SNalert-app (2020).

Its interfaces, over this server's store and engine, and its message formats for hop. The server uses none of it; what
differs from the first application is told in ``docs/first-app.md``.
"""

import hop  # noqa: F401  # it loads hop_plugin, which can make its models only when hop has made the class they are of
