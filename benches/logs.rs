//! How fast a build log is read and judged: `cargo bench --bench logs [-- FILE..]`. Without
//! files a log of 100 MB is made up.

#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::sync::Arc;
use std::time::Instant;

use gsync::pipeline::judge::Judge;
use gsync::pipeline::matchers::Matchers;
use gsync::pipeline::reader::Reader;
use gsync::pipeline::verdict::{Asked, Ended};

fn main() {
    let start = Instant::now();
    let matchers = Arc::new(Matchers::new(None).expect("the embedded matchers"));
    println!("compile the matchers: {:?}", start.elapsed());
    let files: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    if files.is_empty() {
        measure("made up", &made_up(), &matchers);
    }
    for file in files {
        measure(&file, &std::fs::read(&file).expect("a file"), &matchers);
    }
}

fn made_up() -> Vec<u8> {
    let mut log = Vec::new();
    let mut at = 0;
    while log.len() < 100_000_000 {
        let line = format!(
            "gcc -I. -I../lib -g -O2 -Wall -MT lib/f{at}.o -MD -MF .deps/f{at}.Tpo -c -o lib/f{at}.o\n\
             \x20  Compiling crate-{at} v1.{}.0 (/build/target/{at})\n",
            at % 40
        );
        log.extend_from_slice(line.as_bytes());
        at += 1;
    }
    log
}

fn measure(name: &str, log: &[u8], matchers: &Arc<Matchers>) {
    let (mut best, mut busy) = (f64::MAX, f64::MAX);
    for _ in 0..5 {
        let (start, before) = (Instant::now(), on_cpu());
        let mut judge = Judge::new(Arc::clone(matchers), &Asked::default()).expect("no patterns");
        let mut reader = Reader::default();
        for piece in log.chunks(1 << 16) {
            reader.push(piece, &mut |block| judge.block(block));
        }
        reader.end(&mut |block| judge.block(block));
        let verdict = judge.finish(&Ended::Exit(0));
        assert!(verdict.lines > 0);
        best = best.min(start.elapsed().as_secs_f64());
        busy = busy.min(on_cpu() - before);
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let size = log.len() as f64 / 1e6;
    println!("{name}: {:.0} MB/s, {:.0} MB/s of processor time", size / best, size / busy);
}

/// Seconds that this thread was on a processor: on a machine with other work the one figure that
/// can be quoted. Where the kernel does not tell, there is none.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    nanos.unwrap_or(f64::NAN) / 1e9
}
