#!/bin/sh
# gsync @MARK@
gsync=@BINARY@
if [ -f "$gsync" ] && [ -x "$gsync" ]; then exec "$gsync" hook @HOOK@ "$@"; fi
if command -v gsync >/dev/null 2>&1; then exec gsync hook @HOOK@ "$@"; fi
echo "error: gsync is gone, and its @HOOK@ hook cannot run" >&2
echo "hint: run gsync's install.sh again, or remove this hook: rm \"\$(git rev-parse --git-path hooks/@HOOK@)\"" >&2
code=@EXIT@
exit "$code"
