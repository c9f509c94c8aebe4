//! `gsync app create` and `gsync app list`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::args::CreateArgs;
use super::{decider, proxy};
use crate::base::{Exit, plain, shell_quote};
use crate::cli::Context;
use crate::deploy::create::{self, Wish};
use crate::deploy::facts;
use crate::hooks;
use crate::host::units;
use crate::plan::Plan;
use crate::run::How;
use crate::ui::Ui;

pub fn create(dir: &Path, ui: Ui, args: &CreateArgs) -> Result<Exit> {
    let home = dir.join(&args.dir);
    let home = std::path::absolute(&home).with_context(|| format!("find {}", home.display()))?;
    let home = real(&home);
    let wish = Wish {
        name: args.name.clone(),
        home: home.clone(),
        branch: args.branch.clone(),
        template: args.template.clone(),
    };
    wish.check()?;
    let how = args.act.how();
    let who = facts::who();
    // What will not do is refused before anything is made, the lock's folder included.
    let first = facts::creation(&wish, &who)?;
    let whole = create::plan(&first, &wish)?;
    let tell_haproxy = || match &args.haproxy {
        Some(file) => proxy::plan(&first.app, &dir.join(file), args.frontend.as_deref()),
        None => Ok(Plan::new("")),
    };
    let told = tell_haproxy()?;
    let context = Context::at(facts::repository(&home), ui);
    if first.has_repo {
        decider::is_free(&context.git)?;
    }
    if how.dry_run {
        context.act(&how, || Ok(whole.then_all(told.steps)))?;
        return Ok(Exit::Done);
    }
    let make = || Ok(create::plan(&facts::creation(&wish, &who)?, &wish)?);
    let (pieces, ran) = context.carry_out(&how, make)?;
    if ran.exit() != Exit::Done {
        return Ok(ran.exit());
    }
    let (hooked, ran) = context.carry_out(&How::default(), || {
        hooks::install::plan(&hooks::facts::observe(&context.git)?, &hooks::Wish::default())
            .map_err(Into::into)
    })?;
    if ran.exit() != Exit::Done {
        return Ok(ran.exit());
    }
    // Where git looks for it is known once the others are in.
    let (asked, ran) = context.carry_out(&How::default(), || decider::plan(&context.git))?;
    if ran.exit() != Exit::Done {
        return Ok(ran.exit());
    }
    let (told, ran) = match told.steps.is_empty() {
        true => (told, ran),
        false => context.carry_out(&How::default(), tell_haproxy)?,
    };
    if ran.exit() != Exit::Done {
        return Ok(ran.exit());
    }
    let changed = [&pieces, &hooked, &asked, &told].iter().any(|plan| !plan.steps.is_empty());
    let url = home.join("repo.git");
    if ui.is_for_programs() {
        let object = json!({
            "app": wish.name, "home": home, "repository": url, "changed": changed,
            "outcome": "done",
        });
        ui.object(&object);
        return Ok(Exit::Done);
    }
    let (name, at) = (&wish.name, plain(&home.to_string_lossy()));
    let toml = shell_quote(&plain(&home.join("app.toml").to_string_lossy()));
    let mut text = match changed {
        true => format!("the app {name} is in {at}\n  settings: {toml}\n"),
        false => format!("the app {name} is in {at} already; nothing was changed\n"),
    };
    let url = url.to_string_lossy().into_owned();
    text +=
        &format!("  from a clone here:      git remote add deploy {}\n", shell_quote(&plain(&url)));
    let host = crate::host::env::host_name();
    let remote = format!("ssh://{host}{url}");
    text += &format!(
        "  from another machine:   git remote add deploy {}\n",
        shell_quote(&plain(&remote))
    );
    text += &format!(
        "  in its .gsync.toml:     [[app]]\n                          name = \"{name}\"\n                          \
         remote = \"deploy\"\n"
    );
    let process = &first.app.process;
    if process.command.is_some() || process.pm2.is_some() {
        text += &format!(
            "  after a restart:        gsync app start --app {name}   (crontab: @reboot)\n"
        );
    }
    if args.haproxy.is_none()
        && let Some(lines) = proxy::lines(&first.app)?
    {
        text += "\nwhat haproxy needs (`--haproxy FILE` writes it):\n\n";
        text += &lines.text();
    }
    if process.systemd.is_some() && changed {
        text += &unit(name, &home);
    }
    ui.result(&text);
    if !told.steps.is_empty() {
        ui.hint("let haproxy load it: `systemctl reload haproxy`");
    }
    Ok(Exit::Done)
}

/// The unit that systemd needs, which is the administrator's to put in place.
fn unit(name: &str, home: &Path) -> String {
    let root = rustix::process::geteuid().is_root();
    let (dir, wanted, reload) = match root {
        true => ("/etc/systemd/system", "multi-user.target", "systemctl daemon-reload"),
        false => ("~/.config/systemd/user", "default.target", "systemctl --user daemon-reload"),
    };
    let file = match units::template(name, home, "./start", None) {
        Ok(file) => file,
        // The app is there, and only its unit has to be written by hand.
        Err(why) => return format!("\nsystemd needs {dir}/{name}@.service: {why:#}\n"),
    };
    let unit = String::from_utf8_lossy(&file.bytes.0).replace("multi-user.target", wanted);
    format!(
        "\nwhat systemd needs, as {dir}/{name}@.service; `./start` is the program of a release\n\
         (then `{reload}`):\n\n{unit}"
    )
}

/// Without links and dots, as far as it is there already.
fn real(home: &Path) -> PathBuf {
    let above = || Some(home.parent()?.canonicalize().ok()?.join(home.file_name()?));
    home.canonicalize().ok().or_else(above).unwrap_or_else(|| home.to_owned())
}

pub fn list(ui: Ui) -> Result<Exit> {
    let apps = facts::apps()?;
    if ui.is_for_programs() {
        ui.object(&json!({ "apps": apps }));
        return Ok(Exit::Done);
    }
    if apps.is_empty() {
        ui.say("there is no app of this user here");
        ui.hint("make one: `gsync app create NAME --dir DIR`");
    }
    let mut text = String::new();
    for app in apps {
        let gone = if app.there { "" } else { "  (gone)" };
        text += &format!("{}  {}{gone}\n", plain(&app.app), plain(&app.home.to_string_lossy()));
    }
    ui.result(&text);
    Ok(Exit::Done)
}
