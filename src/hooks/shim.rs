//! The shims: what stands in the files that git runs, and how to recognise one again.
//!
//! A shim is ours only if nobody has changed it since: its second line carries a digest of
//! all that follows. A hook that merely speaks of gsync is somebody else's.

use sha2::{Digest, Sha256};

use crate::base::{Hook, shell_quote};

const SHIM: &str = include_str!("../../hooks/shim.sh");
const PASS: &str = include_str!("../../hooks/pass.sh");
const CONFIG: &str = include_str!("../../hooks/config.sh");
const TOP: &str = "#!/bin/sh\n# gsync ";

/// The file that git runs for a hook that gsync answers.
pub fn shim(hook: Hook, version: &str, binary: &str) -> String {
    mark(&fill(SHIM, hook, binary), hook.name(), version)
}

/// The file that git runs for a hook that gsync has nothing to do with, where `core.hooksPath`
/// had to be moved: it leads on to the hook that was there.
pub fn pass(name: &str, version: &str, chained: &str) -> String {
    mark(&PASS.replace("@CHAINED@", &shell_quote(chained)), name, version)
}

/// The command of a configuration hook (git 2.54). git appends `"$@"` to it.
pub fn command(hook: Hook, binary: &str) -> String {
    let code = CONFIG.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    fill(code, hook, binary)
}

fn fill(template: &str, hook: Hook, binary: &str) -> String {
    let exit = if hook.can_refuse() { "1" } else { "0" };
    // The path last: it may hold anything.
    template
        .replace("@HOOK@", hook.name())
        .replace("@EXIT@", exit)
        .replace("@BINARY@", &quote(binary))
}

/// Always in quotes: a path that happens to need none looks the same as one that does.
fn quote(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

fn mark(text: &str, name: &str, version: &str) -> String {
    let rest = text.splitn(3, '\n').nth(2).unwrap_or_default();
    format!("{TOP}{version} {name} {}\n{rest}", digest(rest.as_bytes()))
}

fn digest(bytes: &[u8]) -> String {
    crate::base::hex(&Sha256::digest(bytes)[..6])
}

/// What a file says about itself, if it is a shim as gsync wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    pub version: String,
    pub hook: String,
}

/// Reads the marker of a file that is ours and unchanged.
pub fn marker(bytes: &[u8]) -> Option<Marker> {
    let rest = bytes.strip_prefix(TOP.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let mut words = std::str::from_utf8(&rest[..end]).ok()?.split(' ');
    let (version, hook, sum) = (words.next()?, words.next()?, words.next()?);
    (words.next().is_none() && sum == digest(&rest[end + 1..]))
        .then(|| Marker { version: version.to_owned(), hook: hook.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_is_recognised_whatever_its_version_and_an_edited_one_is_not_ours() {
        let text = shim(Hook::PrePush, "9.9.9", "/a b/it's/gsync");
        let found = marker(text.as_bytes()).unwrap();
        assert_eq!((found.version.as_str(), found.hook.as_str()), ("9.9.9", "pre-push"));
        assert!(marker(format!("{text}# mine\n").as_bytes()).is_none());
        assert!(marker(text.replace('\n', "\r\n").as_bytes()).is_none());
        assert!(marker(b"#!/bin/sh\n# gsync is great\nexit 0\n").is_none());
    }

    #[test]
    fn nothing_of_the_template_is_left_in_a_shim() {
        for hook in Hook::CLIENT.into_iter().chain(Hook::SERVER) {
            for text in [shim(hook, "1.0.0", "/x/gsync"), command(hook, "/x/gsync")] {
                assert!(!text.contains("@HOOK@") && !text.contains("@EXIT@"), "{text}");
                assert!(text.contains("'/x/gsync'"), "{text}");
                let exit = if hook.can_refuse() { "code=1" } else { "code=0" };
                assert!(text.contains(exit) && !text.contains('\r'), "{text}");
            }
            assert!(!command(hook, "/x/gsync").contains('\n'));
        }
        assert!(
            pass("commit-msg", "1.0.0", ".husky/_/commit-msg").contains("hook=.husky/_/commit-msg")
        );
    }
}
