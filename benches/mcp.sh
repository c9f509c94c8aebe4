#!/usr/bin/env bash
# `gsync mcp`: how long until the first answer, how long a look takes, and how much memory a
# session holds; beside it the start of commands that serve nobody. Prints Markdown.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: benches/mcp.sh [--quick]     (Linux: memory is read from /proc)

  --quick    few repetitions: to see that it works, not to quote

GSYNC_BENCH_BIN is the gsync to measure (default: the static release build that install.sh
makes). GSYNC_BENCH_BEFORE names another one, such as an older one or one without the server:
the other commands start in both.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=30
while [ $# -gt 0 ]; do
	case $1 in
	--quick) rounds=5 ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf "error: unknown word '%s'\n" "$1" >&2
		printf "hint: see 'benches/mcp.sh --help'\n" >&2
		exit 2
		;;
	esac
	shift
done

# shellcheck source=benches/common.sh
. "$root/benches/common.sh"
gsync=$(realpath "$gsync")
before=${GSYNC_BENCH_BEFORE:-}

git init --quiet --bare "$work/hub.git"
git clone --quiet "$work/hub.git" "$work/clone" 2>/dev/null
cd "$work/clone"
git commit --quiet --allow-empty -m one
git push --quiet -u origin main

hello='{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
ready='{"jsonrpc":"2.0","method":"notifications/initialized"}'
call() { # ID TOOL ARGUMENTS
	printf '{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"%s","arguments":%s}}\n' "$1" "$2" "$3"
}
now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] / 1000 }'; }

starts() { # GSYNC NAME: the start of what serves nobody
	local begun word
	for word in --version 'status --short' 'hook post-commit'; do
		begun=$(now)
		# shellcheck disable=SC2086
		"$1" $word >/dev/null 2>&1 </dev/null || true
		echo $(($(now) - begun)) >>"$work/$2-${word// /-}"
	done
}

for _ in $(seq "$rounds"); do
	begun=$(now)
	coproc SERVER { exec "$gsync" mcp 2>/dev/null; }
	pid=$SERVER_PID
	exec {to}>&"${SERVER[1]}" {from}<&"${SERVER[0]}"
	printf '%s\n' "$hello" >&"$to"
	read -r _ <&"$from"
	echo $(($(now) - begun)) >>"$work/first"
	printf '%s\n' "$ready" >&"$to"
	begun=$(now)
	call 1 status '{"fetch":false}' >&"$to"
	read -r _ <&"$from"
	echo $(($(now) - begun)) >>"$work/status"
	call 2 plan '{"command":"start"}' >&"$to"
	read -r _ <&"$from"
	printf '{"jsonrpc":"2.0","id":3,"method":"tools/list"}\n' >&"$to"
	read -r _ <&"$from"
	awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" >>"$work/memory"
	eval "exec ${SERVER[1]}>&-"
	exec {to}>&- {from}<&-
	wait "$pid"
	starts "$gsync" now
	[ -z "$before" ] || starts "$before" before
done

machine
printf '\n## A server for agents (median of %s)\n\n| | |\n|---|---:|\n' "$rounds"
row() { printf '| %s | %s |\n' "$1" "$2"; }
row 'first answer' "$(median "$work/first") ms"
row "a look at the status, no fetch" "$(median "$work/status") ms"
row 'memory at its peak' "$(sort -n "$work/memory" | tail -n 1 | awk '{ printf "%.1f", $1 / 1024 }') MB"
row 'size of the program' "$(stat -c %s "$gsync" | awk '{ printf "%.1f", $1 / 1048576 }') MB"
printf '\nWanted: the first answer within 50 ms, less than 20 MB.\n'
printf '\n## Other commands, from start to end\n\n| |%s |\n|---|%s---:|\n' \
	"${before:+ before |} now" "${before:+---:|}"
for word in --version 'status --short' 'hook post-commit'; do
	cells="$(median "$work/now-${word// /-}") ms"
	[ -z "$before" ] || cells="$(median "$work/before-${word// /-}") ms | $cells"
	row "\`gsync $word\`" "$cells"
done
