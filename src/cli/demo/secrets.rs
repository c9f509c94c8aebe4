//! The chapter of secrets: a token that is only in a merge commit does not leave. Goes on where the
//! one before ended.

use super::{Chapter, Step, refused, run};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "secrets",
    title: "A token in a merge commit: found where diffs do not show it",
    steps: &[
        Step::Say("Two lines of work are merged, and a token slips in with the merge."),
        run("builder", "git switch --quiet -c tokens && echo a > a && git add a"),
        run("builder", "git commit --quiet -m 'one side'"),
        run("builder", "git switch --quiet -c other HEAD^ && echo b > b && git add b"),
        run("builder", "git commit --quiet -m 'other side'"),
        run("builder", "git merge --quiet --no-commit tokens"),
        run("builder", "printf 'key = %s%s\\n' gl 'pat-Zk3vRq8WmT5yBx2LcN7d' > deploy.ini"),
        Step::Say("The commit is refused; the token is shown by four letters only."),
        run("builder", "git add deploy.ini"),
        refused(
            "builder",
            "git commit -m 'merge'",
            &["GitLab token", "glpa…", "gsync guard allow"],
        ),
        Step::Say("Committed past the hook, it does not leave either."),
        run("builder", "GSYNC_SKIP=1 git commit --quiet -m 'merge'"),
        refused("builder", "git push origin other", &["deploy.ini in", "make it useless"]),
        Step::Say("The way out: take it out of the commit."),
        run("builder", "git rm --quiet -f deploy.ini && git commit --quiet --amend --no-edit"),
        run("builder", "git push --quiet origin other"),
    ],
};
