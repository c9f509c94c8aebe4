//! The command line of the server side: exactly what was typed. Its comments are the help text.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::ActArgs;

#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Make an app home with a repository to push to; what is there already stays as it is
    Create(CreateArgs),
    /// Start what shall run and does not, as after a restart of the machine
    ///
    /// In no app home: of all apps of this user. What runs is left alone, LIVE and STANDBY alike.
    Start(StartArgs),
    /// List the apps of this user on this machine
    List,
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The app's name: small letters, digits, `-` and `_`
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    pub name: String,
    /// The app home; its directories are made here
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The branch whose pushes are deployed
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    pub branch: String,
    /// What app.toml begins with: static, node-pm2, systemd or command
    #[arg(long, value_name = "TEMPLATE", default_value = "static")]
    pub template: String,
    /// Write what the app needs into this configuration of haproxy, if haproxy would start with
    /// it; [traffic] in app.toml names haproxy. Without this the lines are only printed
    #[arg(long, value_name = "FILE")]
    pub haproxy: Option<PathBuf>,
    /// The frontend that gets the lines, where there are several
    #[arg(long, value_name = "NAME", requires = "haproxy")]
    pub frontend: Option<String>,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    pub app: WhichApp,
    #[command(flatten)]
    pub act: ActArgs,
}

/// The commands that are about one app.
#[derive(Debug)]
pub enum Serving {
    Envs(EnvsArgs),
    Deploy(DeployArgs),
    Release(ReleaseArgs),
    Rollback(RollbackArgs),
    Sync(SyncArgs),
    Cancel(WhichApp),
}

impl Serving {
    /// Which app was named.
    pub fn app(&self) -> &WhichApp {
        match self {
            Self::Envs(args) => &args.app,
            Self::Deploy(args) => &args.app,
            Self::Release(args) => &args.app,
            Self::Rollback(args) => &args.app,
            Self::Sync(args) => &args.app,
            Self::Cancel(app) => app,
        }
    }

    /// The word of the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Envs(_) => "envs",
            Self::Deploy(_) => "deploy",
            Self::Release(_) => "release",
            Self::Rollback(_) => "rollback",
            Self::Sync(_) => "sync",
            Self::Cancel(_) => "cancel",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct WhichApp {
    /// The app, where it is not the one around here
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
}

#[derive(Debug, Args)]
pub struct EnvsArgs {
    /// Exit with 1 if those who can tell do not agree on what is LIVE
    #[arg(long)]
    pub exit_code: bool,
    /// Take what is so for what shall be: the record follows the world
    #[arg(long)]
    pub reconcile: bool,
    #[command(flatten)]
    pub app: WhichApp,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct DeployArgs {
    /// What to deploy, instead of the tip of the app's branch
    #[arg(value_name = "REV")]
    pub rev: Option<String>,
    #[command(flatten)]
    pub app: WhichApp,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Release this commit, although it is not newer than LIVE
    #[arg(long, value_name = "COMMIT")]
    pub to: Option<String>,
    #[command(flatten)]
    pub app: WhichApp,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Bring this kept commit to STANDBY first, then release it
    #[arg(long, value_name = "COMMIT")]
    pub to: Option<String>,
    #[command(flatten)]
    pub app: WhichApp,
    #[command(flatten)]
    pub act: ActArgs,
}

#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Cut connections to STANDBY that do not end by themselves
    #[arg(long)]
    pub cut: bool,
    #[command(flatten)]
    pub app: WhichApp,
    #[command(flatten)]
    pub act: ActArgs,
}
