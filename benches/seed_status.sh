#!/bin/bash
# The kind of status script that gsync replaces: one that a team of people and agents
# kept in its repository. Here it is what is measured against, so it stays as slow as it was;
# only its pictures are gone, and its variables are quoted.

echo "Sync Status Check"
echo "===================="
echo ""

# Environment
host=$(hostname)
directory=$(pwd)
echo "Environment: $host"
echo "Directory: $directory"
echo ""

# Current branch
branch=$(git branch --show-current)
echo "Branch: $branch"
echo ""

# Fetch latest
git fetch origin -q

# Local vs Remote
local=$(git rev-parse HEAD)
remote=$(git rev-parse "origin/$branch")

if [ "$local" = "$remote" ]; then
	echo "SYNCED: Local and remote are identical"
else
	echo "OUT OF SYNC: Local and remote differ"

	ahead=$(git rev-list --count "origin/$branch..HEAD")
	behind=$(git rev-list --count "HEAD..origin/$branch")

	if [ "$ahead" -gt 0 ]; then
		echo "   Local is $ahead commits AHEAD (need to push)"
		echo ""
		echo "   Unpushed commits:"
		git log "origin/$branch..HEAD" --pretty=format:"   %C(yellow)%h%Creset %s %C(cyan)(%ar)%Creset" --abbrev-commit
		echo ""
	fi

	if [ "$behind" -gt 0 ]; then
		echo "   Local is $behind commits BEHIND (need to pull)"
		echo ""
		echo "   Commits not in local:"
		git log "HEAD..origin/$branch" --pretty=format:"   %C(yellow)%h%Creset %s %C(cyan)(%ar)%Creset %C(green)<%an>%Creset" --abbrev-commit
		echo ""
	fi
fi

echo ""

# Uncommitted changes
uncommitted=$(git status --porcelain | wc -l)
if [ "$uncommitted" -eq 0 ]; then
	echo "No uncommitted changes"
else
	echo "$uncommitted uncommitted file(s):"
	git status --short
fi

echo ""
echo "===================="
