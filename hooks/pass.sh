#!/bin/sh
# gsync @MARK@
# gsync has no business here: this leads to the folder that core.hooksPath named before.
hook=@CHAINED@
if [ -x "$hook" ]; then exec "$hook" "$@"; fi
exit 0
