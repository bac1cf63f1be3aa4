import Glibc
import Synchronization

/// Which entries of some folders were renamed into their place, and of files which have been left alone since: whoever writes a file
/// under another name first says by its name that it is complete. What happens in a folder that is such an entry is not seen.
///
/// The kernel tells it (inotify) of what the processes of this machine do, on network file systems too. Where it does not, or there is
/// too much to tell, nothing counts as renamed.
final class RenamedEntries: Sendable {
  private struct State {
    /// By the number of the watch.
    var folders: [Int32: Folder] = [:]
  }

  private struct Folder {
    var place: String
    /// Names of its entries.
    var renamed: Set<String> = []
  }

  private let folder: String
  private let file: Int32
  private let state = Mutex(State())

  private static let events = UInt32(
    IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE)

  /// - Parameter folder: of the command; nil where nothing is watched.
  init(_ folder: String?) {
    self.folder = folder ?? ""
    file = folder == nil ? -1 : inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
  }

  deinit { if file >= 0 { close(file) } }

  /// Watches folders as far as they are there, and learns what has happened since the last time.
  /// - Parameter places: in the folder of the command.
  func watch(_ places: [String]) {
    guard file >= 0 else { return }
    state.withLock { state in
      take(&state)
      for place in places {
        let watch = inotify_add_watch(
          file, "\(folder)/\(place)", RenamedEntries.events | UInt32(IN_ONLYDIR | IN_DONT_FOLLOW))
        if watch < 0 { continue }
        state.folders[watch, default: Folder(place: place)].place = place
        // One that was moved away, and made again, is another one.
        for (other, folder) in state.folders where other != watch && folder.place == place {
          inotify_rm_watch(file, other)
          state.folders[other] = nil
        }
      }
    }
  }

  func contains(_ place: String) -> Bool {
    let parts = place.split(separator: "/")
    let parent = parts.count == 1 ? "." : parts.dropLast().joined(separator: "/")
    let name = String(parts.last ?? "")
    return state.withLock { state in
      state.folders.values.contains { $0.place == parent && $0.renamed.contains(name) }
    }
  }

  private func take(_ state: inout State) {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
      while true {
        let count = read(file, buffer.baseAddress!, buffer.count)
        if count <= 0 { return }
        var offset = 0
        while offset + MemoryLayout<inotify_event>.size <= count {
          let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
          offset += MemoryLayout<inotify_event>.size
          let bytes = buffer[offset..<min(offset + Int(event.len), count)]
          offset += Int(event.len)
          RenamedEntries.note(event, String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self), &state)
        }
      }
    }
  }

  private static func note(_ event: inotify_event, _ name: String, _ state: inout State) {
    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
      for watch in state.folders.keys { state.folders[watch]?.renamed = [] }
    } else if event.mask & UInt32(IN_IGNORED) != 0 {
      state.folders[event.wd] = nil
    } else if event.mask & UInt32(IN_MOVED_TO) != 0 {
      state.folders[event.wd]?.renamed.insert(name)
    } else {
      // Closing a file that was open for writing when it was renamed, too, tells that there was more to come.
      state.folders[event.wd]?.renamed.remove(name)
    }
  }
}
