public import Glibc

/// Ports of this machine's own network, which nobody else sees.
public enum Loopback {
  /// Calls a function of the system's with the address of a port.
  public static func with<Result>(
    _ port: UInt16, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) throws -> Result
  ) rethrows -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return try withUnsafeMutablePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  public static func makeSocket() -> Int32 {
    socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  /// Gives a socket a port that nobody uses.
  public static func bind(_ socket: Int32) -> UInt16 {
    with(0) { address, size in
      var size = size
      _ = Glibc.bind(socket, address, size)
      _ = getsockname(socket, address, &size)
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        UInt16(bigEndian: $0.pointee.sin_port)
      }
    }
  }

  /// A port that nobody uses.
  public static func freePort() -> UInt16 {
    let socket = makeSocket()
    defer { close(socket) }
    return bind(socket)
  }

  /// Whether somebody listens there.
  public static func isOpen(_ port: UInt16) -> Bool {
    let socket = makeSocket()
    defer { close(socket) }
    return with(port) { connect(socket, $0, $1) == 0 }
  }
}
