import Foundation
import JSON
import Support
import Testing

@testable import brake

/// Names and messages come from others; none of them gets at the terminal.
@Suite struct VisibilityTests {
  let folder = TemporaryFolder()
  /// Clears the screen, sets a title, is C1's CSI, turns the direction of writing, and starts a new line.
  private let name = "a\u{1B}[2J\u{1B}]0;owned\u{7}\u{9B}31m\u{202E}txt\ny"
  private let shown = "a\\e[2J\\e]0;owned\\u{7}\\u{9b}31m\\u{202e}txt\\ny"

  private func isSafe(_ run: Finished) -> Bool {
    let scalars = (run.out + run.err).unicodeScalars
    return scalars.allSatisfy { $0 == "\n" || !["Cc", "Cf", "Zl"].contains(category($0)) }
  }

  private func category(_ scalar: Unicode.Scalar) -> String {
    switch scalar.properties.generalCategory {
    case .control: "Cc"
    case .format: "Cf"
    case .lineSeparator, .paragraphSeparator: "Zl"
    default: ""
    }
  }

  @Test func `A name with control characters is written out by every command`() throws {
    folder.write("text", to: "tree/a\u{202E}txt.exe")
    folder.write("text", to: "refused/" + name)
    folder.write("text", to: name)
    let refused = try folder.brake("put", "refused")
    #expect(refused.status == 2 && isSafe(refused))
    let put = try folder.brake("put", "tree", name)
    #expect(isSafe(put) && put.out.contains("  " + shown + "\n"))
    let digest = String(put.out.prefix(71))
    let show = try folder.brake("show", digest)
    #expect(isSafe(show))
    for arguments in [["ls"], ["provenance", digest], ["cat", name], ["show", name], ["verify", name]] {
      #expect(isSafe(try BrakeProcess(arguments, in: folder).wait()), "\(arguments)")
    }
    for arguments in [["fit", name], ["-C", name], ["-f", name], [name], ["why", name], ["--" + name]] {
      let run = try BrakeProcess(arguments, in: folder).wait()
      #expect(run.status == 2)
      #expect(isSafe(run), "\(arguments)")
    }
  }

  @Test func `JSON escapes them so that it reads back the same`() throws {
    folder.write("text", to: name)
    let put = try folder.brake("put", "--json", name)
    #expect(put.outLines.count == 1)
    #expect(isSafe(put))
    #expect(try JSON(parsing: put.out).array?.first?["path"]?.string == name)
    let tag: JSON = ["\u{E0041}\u{7F}"]
    #expect(tag.visible == #"["\udb40\udc41\u007f"]"#)
    #expect(try JSON(parsing: tag.visible) == tag)
  }

  @Test func `A cell of a table is one line`() {
    var table = Table(.left, .left)
    table.add("one\ntwo", "\u{1B}[31mred")
    #expect(table.text() == "one\\ntwo  \\e[31mred")
  }
}
