//! The first chapter: two clones of one hub, what must not get in, and who was first.

use super::{Chapter, Step, refused, run, shows};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "guard",
    title: "What must not get in, and who was first",
    steps: &[
        Step::Say("A hub, and two clones of it: qc on a laptop, builder on a server."),
        run("", "git init --quiet --bare --initial-branch=main hub.git"),
        run("", "git clone hub.git qc"),
        run("qc", "gsync install --role qc"),
        run("qc", "echo 'print(1)' > app.py"),
        run("qc", "git add . && git commit --quiet -m 'first version'"),
        run("qc", "git push --quiet -u origin main"),
        run("", "git clone --quiet hub.git builder"),
        run("builder", "gsync install --role builder"),
        Step::Say("A file with secrets does not get into a commit."),
        run("qc", "echo 'KEY=s3cret' > .env"),
        run("qc", "git add .env"),
        refused("qc", "git commit -m 'add settings'", &[".env"]),
        Step::Say("The way out: git forgets it, the disk keeps it."),
        run("qc", "git restore --staged .env"),
        run("qc", "echo .env > .gitignore && git add .gitignore"),
        run("qc", "git commit --quiet -m 'keep settings out'"),
        Step::Say("Both work, and builder pushes first."),
        run("builder", "echo 'print(2)' > server.py && git add server.py"),
        run("builder", "git commit --quiet -m 'faster server'"),
        run("builder", "git push --quiet"),
        Step::Say("A push that would miss what builder did says who was first, and with what."),
        refused("qc", "git push", &["builder", "faster server"]),
        Step::Say("The status tells why, and what pulling would meet."),
        shows("qc", "gsync status", &["faster server", "keep settings out"]),
        Step::Say("Pull, then push: plain git, and the hooks tell what came in."),
        shows("qc", "git pull --quiet --rebase", &["pulled 1 commit from builder"]),
        run("qc", "git push --quiet"),
        run("qc", "gsync status --exit-code"),
    ],
};
