# shellcheck shell=bash
# What every bench starts with: the words to fail by, a folder of its own, a home of nobody, and
# the gsync to measure. Sourced, after `root` is set; leaves `work` and `gsync`.

say() { printf '%s\n' "$*" >&2; }
fail() {
	printf 'error: %s\n' "$1" >&2
	printf 'hint: %s\n' "$2" >&2
	exit 1
}
for need in git python3; do
	command -v "$need" >/dev/null || fail "$need is not here" 'install it'
done

# A hook or an alias that runs this must not point it at its own repository.
while IFS= read -r name; do unset "$name"; done < <(compgen -v | grep -E '^GIT_' || true)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

gsync=${GSYNC_BENCH_BIN:-}
if [ -z "$gsync" ]; then
	"${root:?}/install.sh" --prefix "$work/prefix" >&2
	gsync=$work/prefix/bin/gsync
fi
[ -x "$gsync" ] || fail "'$gsync' is not a program" 'GSYNC_BENCH_BIN names the gsync to measure'

# A home of our own: nobody's configuration, excludes, templates or credentials.
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
mkdir -p "$HOME"
git config --global user.name bench
git config --global user.email bench@localhost
git config --global init.defaultBranch main
git config --global gc.auto 0
git config --global maintenance.auto false
git config --global advice.detachedHead false

# What it was measured on, in a sentence.
machine() {
	local memory processor=''
	memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo 2>/dev/null || true)
	processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1 || true)
	printf 'Measured on %s: %s cores%s%s, %s %s, %s, %s. Load at the start: %s.\n' \
		"$(date -u +%Y-%m-%d)" "$(getconf _NPROCESSORS_ONLN)" \
		"${processor:+ ($processor)}" "${memory:+, $memory}" \
		"$(uname -s)" "$(uname -r | cut -d- -f1)" "$(git --version)" "$("$gsync" --version)" \
		"$(uptime | sed 's/.*average[s]*: *//')"
}
