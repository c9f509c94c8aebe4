#!/usr/bin/env bash
# `gsync mcp`: how long until the first answer, how long a look takes, and how much memory a
# session holds; beside it the start of a command that serves nobody.
#
# usage: benches/mcp.sh [GSYNC] [ROUNDS]     (Linux: memory is read from /proc)
set -euo pipefail

gsync=${1:-target/release/gsync}
rounds=${2:-30}
gsync=$(realpath "$gsync")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init --quiet --bare --initial-branch=main "$work/hub.git"
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
	begun=$(now)
	"$gsync" --version >/dev/null
	echo $(($(now) - begun)) >>"$work/version"
done

echo "first answer:        $(median "$work/first") ms"
echo "status, no fetch:    $(median "$work/status") ms"
echo "memory, at its peak: $(sort -n "$work/memory" | tail -n 1 | awk '{ printf "%.1f", $1 / 1024 }') MB"
echo "gsync --version:     $(median "$work/version") ms"
echo "size of the program: $(stat -c %s "$gsync" | awk '{ printf "%.1f", $1 / 1048576 }') MB"
