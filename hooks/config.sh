# One line, to which git appends "$@".
# shellcheck shell=sh disable=SC2119,SC2120
f() { if [ -x @BINARY@ ]; then exec @BINARY@ hook @HOOK@ "$@"; fi; if command -v gsync >/dev/null 2>&1; then exec gsync hook @HOOK@ "$@"; fi; echo "error: gsync is gone, and its @HOOK@ hook cannot run" >&2; echo "hint: run gsync's install.sh again, or remove this hook: git config --remove-section hook.gsync-@HOOK@" >&2; code=@EXIT@; exit "$code"; }; f
