//! The second chapter: pull before work, push after work, and the way back. Goes on where the
//! first one ended: builder is behind.

use super::{Chapter, Step, refused, run, shows};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "sync",
    title: "Pull before work, push after work, and the way back",
    steps: &[
        Step::Say("Builder has begun already, and pulls in the middle of it."),
        run("builder", "echo 'print(3)' >> server.py && echo draft > notes.txt"),
        shows("builder", "gsync start", &["keep settings out"]),
        Step::Say("What came in is there, and unfinished work is as unfinished as it was."),
        shows("builder", "git status --short", &[" M server.py", "?? notes.txt"]),
        Step::Say("Push after work: commit, pull, push, and ask the hub whether it has it."),
        shows("builder", "gsync finish -m 'count to three' --all", &["origin has"]),
        Step::Say("Qc works on another file: nothing stands in the way."),
        run("qc", "echo 'How it works' > guide.txt && git add guide.txt"),
        shows("qc", "gsync finish -m 'a guide'", &["count to three", "origin has"]),
        Step::Say("Then both change the same line. Builder is first."),
        run("builder", "gsync start --quiet && echo 'print(20)' > app.py"),
        run("builder", "gsync finish --quiet --all -m 'twenty'"),
        run("qc", "echo 'print(10)' > app.py && git commit --quiet -am 'ten'"),
        Step::Say("A conflict is known before anything moves. Everything stays as it is."),
        refused("qc", "gsync start", &["app.py"]),
        shows("qc", "git status --short --branch", &["ahead 1, behind 1"]),
        Step::Say("Whoever wants to resolve it gets git's own markers, and can still go back."),
        run("qc", "gsync pull --resolve"),
        shows("qc", "git status --short", &["UU app.py"]),
        run("qc", "gsync undo"),
        shows("qc", "git log --oneline -1", &["ten"]),
        Step::Say("The other emergency: become what the hub has. That can be taken back too."),
        run("qc", "gsync discard"),
        shows("qc", "cat app.py", &["print(20)"]),
        run("qc", "gsync undo"),
        shows("qc", "cat app.py", &["print(10)"]),
        shows("qc", "gsync log", &["discard", "undo"]),
    ],
};
