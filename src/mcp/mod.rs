//! The commands of gsync for agents, over the Model Context Protocol on stdin and stdout.
//!
//! Every tool makes the same calls as the command line (`cli::call`): observe, plan, and
//! [`crate::run`] acts. A model looks and plans freely; only `apply` acts, and it carries out
//! the plan that was shown or nothing.

mod answer;
mod lines;
mod next;
mod prompts;
mod resources;
mod schema;
mod server;
mod stdio;
mod tools;
mod words;
mod work;

use std::path::Path;

use anyhow::{Context, Result};
use rmcp::ServiceExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::base::Exit;
use crate::run;
use crate::ui::Ui;
use server::Server;

/// Threads for commands, and for reading and writing.
const THREADS: usize = 8;

/// Serves until the client goes away. A run that is under way then is put back first.
pub fn main(dir: &Path, ui: &Ui) -> Result<Exit> {
    let (input, output) = stdio::take()?;
    // A session of its own: git and ssh find no terminal to ask for a password on, and Ctrl-C
    // is for the agent, which then closes stdin. Where it is a leader already, that is fine too.
    let _ = rustix::process::setsid();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .build()
        .context("start the server")?;
    let server = Server::new(dir);
    let exit = runtime.block_on(serve(server, input, output, ui));
    // A thread that still waits for the client must not keep the process.
    runtime.shutdown_background();
    exit
}

async fn serve(
    server: Server,
    input: std::fs::File,
    output: std::fs::File,
    ui: &Ui,
) -> Result<Exit> {
    let work = server.work.clone();
    let (sieve, broken) = lines::Sieve::new();
    let reader = stdio::Input::new(input, work.clone(), sieve);
    let streams = lines::Answering::new(reader, tokio::fs::File::from_std(output), broken);
    let mut stop = signal(SignalKind::terminate()).context("listen to signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen to signals")?;
    let session = async {
        match server.serve(streams).await {
            Ok(service) => service.waiting().await.map(|_| ()).map_err(|err| err.to_string()),
            // The client went away before it said anything.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(err) => Err(err.to_string()),
        }
    };
    let exit = tokio::select! {
        ended = session => match ended {
            Ok(()) => Exit::Done,
            Err(why) => {
                ui.warn(&format!("the server ended: {}", crate::base::plain(&why)));
                Exit::Blind
            }
        },
        _ = stop.recv() => Exit::Interrupted,
        _ = interrupt.recv() => Exit::Interrupted,
    };
    work.end();
    work.wait().await;
    debug_assert!(run::stopped());
    Ok(exit)
}
