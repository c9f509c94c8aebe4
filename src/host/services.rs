//! Questions to those who keep services running on this machine: PM2 and systemd. How their
//! answers are read stands where their lines are, in `host::pm2` and `host::units`.

use std::time::Duration;

use anyhow::{Result, bail};

use super::process::{self, Ended};
use super::{pm2, units};

const PATIENCE: Duration = Duration::from_secs(15);

/// The processes of a name.
pub fn pm2(name: &str) -> Result<Vec<pm2::Listed>> {
    let mut list = pm2::list(&ask("pm2", &["jlist", "-s"])?)?;
    list.retain(|it| it.name == name);
    Ok(list)
}

/// A unit by its name.
pub fn systemd(unit: &str) -> Result<units::State> {
    units::state(&ask("systemctl", &["show", units::KEYS, "--", unit])?)
}

fn ask(program: &str, args: &[&str]) -> Result<Vec<u8>> {
    match process::run(process::command(program).args(args), b"", PATIENCE)? {
        Ended::Exited(out) if out.status.success() => Ok(out.stdout),
        Ended::Exited(out) => {
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            bail!("{program} says: {}", text.lines().next().unwrap_or("nothing"))
        }
        Ended::TimedOut => bail!("{program} does not answer"),
    }
}
