internal import Actions
internal import System

/// The program that draws. It is given a script on its standard input and writes the drawing to its standard output; it
/// reads no start-up files and no variables, settings or fonts of the user's.
struct Gnuplot: Sendable {
  /// The folders that gnuplot is looked for in, as PATH; nil for the user's own.
  var searchPath: String?
  /// How long a drawing may take.
  var limit: Duration = .seconds(60)
  /// No drawing is larger than this many bytes.
  var largest = 64 << 20

  /// Settings of fontconfig; nil for those of the system.
  var fontSettings: String?

  /// What its drawings depend on beside the program: its libraries and the fonts.
  var systemFiles: [SystemFile] {
    let libraries = ProgramPath.find("gnuplot", in: searchPath).map { SharedLibraries.of($0) } ?? []
    return libraries.map { SystemFile(name: $0.name, path: $0.path) } + Fonts().files
  }

  /// What gnuplot writes when it runs the script.
  func run(_ script: String) async throws -> [UInt8] {
    var variables = ["LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": "0"]
    variables["FONTCONFIG_FILE"] = fontSettings
    let program = FilterProgram(
      "gnuplot", arguments: ["-d", "-"], variables: variables, searchPath: searchPath)

    return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
      group.addTask { try await draw(script, program) }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      guard let drawing = try await group.next() ?? nil else {
        throw Failure(
          .drawing, "gnuplot did not end within \(limit.components.seconds) seconds and was stopped")
      }
      return drawing
    }
  }

  private func draw(_ script: String, _ program: FilterProgram) async throws -> [UInt8] {
    do {
      let result = try await program.run(Array(script.utf8), limit: largest)
      guard result.ending == .exited(0), !result.output.isEmpty else {
        throw Failure(
          .drawing, Gnuplot.complaint(result.complaint, result.ending),
          hint: "if the message names a terminal, install gnuplot-nox, which has svg and pdfcairo")
      }
      return result.output
    } catch FilterProgram.Failure.notInstalled {
      throw Failure(
        .missingTool, "gnuplot is not installed, and figures are drawn with it",
        hint: "sudo apt-get install gnuplot-nox")
    } catch FilterProgram.Failure.tooMuchOutput {
      throw Failure(.drawing, "gnuplot drew more than \(largest >> 20) MiB and was stopped")
    }
  }

  /// gnuplot repeats the line and marks a place in it before it says what is wrong.
  private static func complaint(_ text: String, _ ending: ProcessEnding) -> String {
    let lines = text.split(whereSeparator: \.isNewline).map { line in
      String(line.drop(while: \.isWhitespace).prefix(200))
    }
    let said = lines.last { !$0.isEmpty && $0 != "^" }
    return switch ending {
    case .exited(let code): "gnuplot failed (exit \(code)): \(said ?? "it said nothing")"
    case .killed(let signal): "gnuplot was ended by signal \(signal)"
    case .overdue: "gnuplot took too long"
    }
  }
}
