//! Processes that PM2 or systemd keeps: told to run what `current` points to, or nothing. What they
//! say of it is not believed; the proof is made elsewhere.

use anyhow::{Result, bail};

use super::keeper::{STOPPING, command};
use crate::base::{File, plain};
use crate::host::machine::{Machine, write};
use crate::host::pm2::{self, Pm2};
use crate::host::steps;
use crate::host::units::{Manager, Unit};
use crate::plan::serve::{Activate, Build, Keeper};

/// The home of an environment's PM2, in its directory.
pub(super) const HOME: &str = ".pm2";

/// Lets the manager run the release, or nothing.
pub(super) fn restart(machine: &Machine, it: &Activate, out: &mut dyn FnMut(&str)) -> Result<()> {
    let line = match &it.keeper {
        Keeper::Pm2 { file } => {
            let ecosystem = it.home.join("ecosystem.config.js");
            let pm2 = Pm2 { program: "pm2".into(), home: it.home.join(HOME), ecosystem };
            if it.release.is_some() {
                let name = it.vars.iter().find(|(name, _)| name == "GSYNC_APP");
                let name = name.map_or("app", |(_, value)| value.as_str());
                let text = pm2::ecosystem(&it.home.join("current"), &file.to_string_lossy(), name)?;
                write::file(machine, &pm2.ecosystem, &text)?;
                pm2.start()?
            } else {
                pm2.delete()?
            }
        }
        Keeper::Systemd { unit } => {
            let manager = match is_root(machine)? {
                true => Manager::System,
                false => Manager::User,
            };
            let unit = Unit::new(manager, unit)?;
            if let Some(release) = &it.release {
                environment(machine, it, release)?;
                unit.restart()
            } else {
                unit.stop()
            }
        }
        Keeper::None | Keeper::Command { .. } => return Ok(()),
    };
    let release = it.release.as_ref().or(it.former.as_ref());
    let mut command = command(machine, &line, &it.home, it, release)?;
    let mut said = Vec::new();
    let ran = steps::run(&mut command, STOPPING, &|| false, &mut |piece| {
        if said.len() < 1 << 14 {
            said.extend_from_slice(piece);
        }
    })?;
    // Its word that all is well proves nothing, and PM2 draws a table each time.
    if let steps::End::Exit(0) = ran.end {
        return Ok(());
    }
    String::from_utf8_lossy(&said).lines().for_each(|line| out(&plain(line)));
    bail!("`{line}` ended with {:?}", ran.end)
}

/// The file with what the program of a unit is told: systemd starts it anew without us too.
fn environment(machine: &Machine, it: &Activate, release: &Build) -> Result<()> {
    let line = |(name, value): &(String, String)| {
        let value: String = plain(value).replace('\\', "\\\\").replace('"', "\\\"");
        format!("{name}=\"{value}\"\n")
    };
    let text: String = it.vars.iter().chain(&release.vars()).map(line).collect();
    write::file(machine, &it.home.join("environment"), &File::text(text))
}

fn is_root(machine: &Machine) -> Result<bool> {
    if let Machine::Here = machine {
        return Ok(rustix::process::geteuid().is_root());
    }
    let out = machine.ask("id -u", b"", STOPPING)?;
    Ok(out.stdout.trim_ascii() == b"0")
}
