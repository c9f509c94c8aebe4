//! Secrets in what a push carries: each way to hide one is stopped by the hooks of the clone,
//! and by the hub where the clone has none, whether it gets loose objects or a pack.

use crate::lab::{Lab, Person};
use crate::leaks::hook;

/// Who judges.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Client,
    Hub,
    /// The hub, which gets a pack instead of loose objects.
    HubWithPack,
}

const SIDES: [Side; 3] = [Side::Client, Side::Hub, Side::HubWithPack];

/// A token that no scanner finds in this file: it is put together when the test runs, with the
/// checksum that belongs to it.
pub fn token(seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let body: String = (0..30).map(|_| random.alphanumeric()).collect();
    let mut sum = !body.bytes().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    });
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".as_bytes();
    let mut tail = [0; 6];
    for digit in tail.iter_mut().rev() {
        *digit = digits[(sum % 62) as usize];
        sum /= 62;
    }
    format!("g{}_{body}{}", "hp", String::from_utf8_lossy(&tail))
}

fn guarded(lab: &Lab, side: Side) -> Person<'_> {
    let ada =
        if lab.path("ada").exists() { lab.at("ada", lab.path("ada")) } else { lab.person("ada") };
    match side {
        Side::Client => hook(&ada, ".git", "pre-push"),
        Side::Hub | Side::HubWithPack => {
            hook(&lab.hub(), ".", "pre-receive");
            if side == Side::HubWithPack {
                lab.hub().git(&["config", "receive.unpackLimit", "1"]);
            }
        }
    }
    ada
}

/// Every side refuses what was prepared, without showing it, and the hub does not move.
#[track_caller]
fn stopped(prepare: impl Fn(&Person<'_>, &str), push: &[&str]) {
    for side in SIDES {
        let lab = Lab::new();
        let ada = guarded(&lab, side);
        let secret = token(side as u64 + 1);
        prepare(&ada, &secret);
        let before = lab.hub().git(&["for-each-ref"]);
        let args: Vec<&str> = ["push", "origin"].into_iter().chain(push.iter().copied()).collect();
        let seen = ada.try_git(&args).exits(1).says("GitHub token").says_not(&secret);
        let _ = seen.says("gsync guard allow ");
        assert_eq!(lab.hub().git(&["for-each-ref"]), before, "{side:?}");
    }
}

#[test]
fn in_a_file() {
    stopped(
        |ada, secret| drop(ada.commit("a", &format!("x\nkey = {secret}\n"), "leak")),
        &["main"],
    );
}
