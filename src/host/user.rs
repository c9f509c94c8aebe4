//! Who this process works for. `USER` is a courtesy of a login: cron, units of systemd, containers
//! and CI start programs without it, and the user is no other one then.

use std::path::Path;
use std::time::Duration;

use super::{env, process, read};
use crate::base::plain;

/// How long a directory service may take to say a name.
const PATIENCE: Duration = Duration::from_secs(2);

/// The name of whoever runs this: what the login says, else what the machine says.
pub fn own() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(env::text).or_else(|| of(id()))
}

/// The same, with a word for whoever has no name.
pub fn name() -> String {
    own().unwrap_or_else(|| "someone".to_owned())
}

/// The number of the user who runs this.
pub fn id() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The name of a user of this machine, by its list of users or whatever else it asks.
pub fn of(uid: u32) -> Option<String> {
    let list = read::text(Path::new("/etc/passwd")).ok().flatten().unwrap_or_default();
    name_in(&list, uid).or_else(|| name_in(&asked(uid)?, uid))
}

/// What a directory service says, such as LDAP.
fn asked(uid: u32) -> Option<String> {
    if !env::is_command("getent") {
        return None;
    }
    let mut command = process::command("getent");
    command.arg("passwd").arg(uid.to_string());
    match process::run(&mut command, b"", PATIENCE) {
        Ok(process::Ended::Exited(out)) => Some(String::from_utf8_lossy(&out.stdout).into_owned()),
        Ok(process::Ended::TimedOut) | Err(_) => None,
    }
}

fn name_in(list: &str, uid: u32) -> Option<String> {
    let number = uid.to_string();
    let line = list.lines().find(|line| line.split(':').nth(2) == Some(&number))?;
    line.split(':').next().filter(|name| !name.is_empty()).map(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_number_and_by_nothing_else_in_the_line() {
        let list =
            "root:x:0:0:root:/root:/bin/sh\n#\n:x:7:7::/:\neva:x:1000:0:0:/home/eva:/bin/sh\n";
        assert_eq!(name_in(list, 0).as_deref(), Some("root"));
        assert_eq!(name_in(list, 1000).as_deref(), Some("eva"));
        assert_eq!(name_in(list, 7), None);
        assert_eq!(name_in(list, 5), None);
    }
}
