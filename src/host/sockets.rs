//! The listening sockets of a TCP port, asked of the kernel itself. Its tables in `/proc` list
//! every connection too: reading them takes milliseconds, and more on a machine with much memory.

use std::collections::HashSet;

/// Their numbers, or nothing where the kernel does not answer: then its tables do.
#[cfg(target_os = "linux")]
pub(super) fn listening(port: u16) -> Option<HashSet<u64>> {
    const INET: u8 = 2;
    const INET6: u8 = 10;
    let mut found = HashSet::new();
    for family in [INET, INET6] {
        ask(family, port, &mut found)?;
    }
    Some(found)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn listening(_port: u16) -> Option<HashSet<u64>> {
    None
}

#[cfg(target_os = "linux")]
fn ask(family: u8, port: u16, found: &mut HashSet<u64>) -> Option<()> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};
    // The kernel answers before the question is written to its end; nobody is waited for.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = Some(netlink::SOCK_DIAG);
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol).ok()?;
    let question = question(family, port);
    if rustix::io::write(&socket, &question).ok()? != question.len() {
        return None;
    }
    let mut answer = vec![0; 1 << 15];
    loop {
        let length = rustix::io::read(&socket, &mut answer[..]).ok()?;
        if read(answer.get(..length)?, port, found)? {
            return Some(());
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` of the kernel: all that listen on the port.
fn question(family: u8, port: u16) -> Vec<u8> {
    const LENGTH: u32 = 72;
    const BY_FAMILY: u16 = 20;
    const REQUEST_AND_DUMP: u16 = 0x301;
    const TCP: u8 = 6;
    const LISTEN: u32 = 1 << 10;
    let mut bytes = LENGTH.to_ne_bytes().to_vec();
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_AND_DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, TCP, 0, 0]);
    bytes.extend(LISTEN.to_ne_bytes());
    bytes.extend(port.to_be_bytes());
    bytes.resize(LENGTH as usize, 0);
    bytes
}

/// Reads one piece of an answer. True: it was the last. Nothing: it is not understood.
fn read(mut answer: &[u8], port: u16, found: &mut HashSet<u64>) -> Option<bool> {
    const DONE: u16 = 3;
    const BY_FAMILY: u16 = 20;
    const HEAD: usize = 16;
    while !answer.is_empty() {
        let length = u32::from_ne_bytes(answer.get(..4)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
        match kind {
            // A question that is not allowed ends with an error in the same place.
            DONE => {
                let error = answer
                    .get(HEAD..HEAD + 4)
                    .map_or(Some(0), |it| Some(i32::from_ne_bytes(it.try_into().ok()?)))?;
                return (error >= 0).then_some(true);
            }
            BY_FAMILY => {
                let socket = answer.get(HEAD..length)?;
                let at = u16::from_be_bytes(socket.get(4..6)?.try_into().ok()?);
                let number = u32::from_ne_bytes(socket.get(68..72)?.try_into().ok()?);
                if at == port {
                    found.insert(number.into());
                }
            }
            _ => return None,
        }
        // The next one begins at a multiple of four.
        answer = answer.get(length.max(HEAD).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

    #[test]
    fn the_kernel_names_the_sockets_that_its_tables_name() {
        let addresses = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        for address in addresses {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            // A machine may not let us ask: then nobody does.
            let Some(found) = listening(port) else { return };
            let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
            let tables = tables.iter().flatten();
            let known: HashSet<u64> =
                tables.flat_map(|table| super::super::proof::sockets_of(table, port)).collect();
            assert_eq!((&found, found.len()), (&known, 1));
            drop(listener);
            assert_eq!(listening(port), Some(HashSet::new()));
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_or_an_error_is_no_answer() {
        let mut found = HashSet::new();
        assert_eq!(read(&[1, 0, 0], 1, &mut found), None);
        let mut error = question(2, 1);
        error[4..6].copy_from_slice(&2u16.to_ne_bytes());
        assert_eq!(read(&error, 1, &mut found), None, "an error");
        let short = &question(2, 1)[..40];
        assert_eq!(read(short, 1, &mut found), None, "longer than what came");
        assert!(found.is_empty());
    }
}
