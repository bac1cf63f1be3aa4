/// What an image may still make: whoever writes its layers decides how much a few bytes of them become.
final class ImageAllowance {
  private(set) var entries: Int
  private(set) var bytes: Int

  /// What a folder takes on the disks that there are.
  private static let folder = 4096

  init(entries: Int, bytes: Int) {
    self.entries = entries
    self.bytes = bytes
  }

  func takeEntry() throws {
    entries -= 1
    if entries < 0 { throw ImageFault.refused("more files and folders than any image has") }
  }

  /// A folder that is made, whether an entry of its own names it or it is on the way to another.
  func takeFolder() throws {
    try takeEntry()
    try take(bytes: ImageAllowance.folder)
  }

  func take(bytes count: Int) throws {
    guard count <= bytes else {
      throw ImageFault.refused("more files and folders than its size can be meant to hold")
    }
    bytes -= count
  }
}
