//! A chapter of its own: the session of a coding agent, played by a script over MCP. It works
//! in a new clone; builder has something to push.

use super::{Chapter, Step, run, shows};

/// One call of a tool: asks, waits for the answer, and hangs up.
const CLIENT: &str = r#"cat > ../ask <<'END'
#!/bin/sh
cd "$(dirname "$0")/agent" && mkfifo ../in && { gsync mcp <../in >../out & }
exec 3>../in
hello='{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"agent","version":"1"}}'
args=$2
[ -n "$args" ] || args='{}'
echo '{"jsonrpc":"2.0","id":0,"method":"initialize","params":'"$hello"'}' >&3
echo '{"jsonrpc":"2.0","method":"notifications/initialized"}' >&3
echo '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"'"$1"'","arguments":'"$args"'}}' >&3
until grep -q '"id":1,' ../out; do sleep 0.02; done
exec 3>&-
wait
sed -n 's/.*"structuredContent"://p' ../out | sed 's/,"isError":[a-z]*}}$//'
rm ../in ../out
END
chmod +x ../ask"#;

/// Plans a command and applies exactly that plan.
const START: &str = r#"id=$(../ask plan '{"command":"start"}' | sed 's/.*"plan":{"id":"\([0-9a-f]*\)".*/\1/')
../ask apply '{"id":"'$id'","command":"start"}'"#;

const STOP: &str = r#"echo '{"session_id":"1","hook_event_name":"Stop"}' | gsync agent-hook stop"#;

pub(super) const CHAPTER: Chapter = Chapter {
    name: "agent",
    title: "A coding agent: pull before work, push after work, and nothing but what was shown",
    steps: &[
        Step::Say("A clone for an agent. Its files get hooks, commands and the server."),
        run("", "git clone --quiet hub.git agent"),
        shows("agent", "gsync install --role qc --agents=claude", &["note: Claude Code"]),
        run("agent", "gsync finish --quiet --all -m 'settings for agents'"),
        run("agent", CLIENT),
        Step::Say("Builder pushes. The agent looks, and is told what to do next."),
        run("builder", "echo more >more.txt && gsync finish --quiet --all -m 'more types'"),
        shows("agent", "../ask status", &["more types", "\"tool\":\"plan\""]),
        Step::Say("It plans, and applies the plan that it was shown: that one or nothing."),
        shows("agent", START, &["\"outcome\":\"done\""]),
        shows(
            "agent",
            "../ask apply '{\"id\":\"00000000\",\"command\":\"start\"}'",
            &["plan-changed"],
        ),
        Step::Say("It works and commits. When it stops, it is asked once to push."),
        run("agent", "echo done > answer.txt && git add . && git commit --quiet -m 'an answer'"),
        shows("agent", STOP, &["\"decision\":\"block\"", "gsync finish"]),
        shows("agent", "gsync finish", &["origin has"]),
        shows("agent", STOP, &[]),
    ],
};
