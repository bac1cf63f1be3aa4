import System

/// A program that says by what one is known to S3, as a profile names it in `credential_process`. It is started without a shell, has a
/// time in which to end, and is asked again before what it said runs out.
struct S3CredentialProcess {
  private let words: [String]
  /// What errors call the profile.
  private let source: String
  var patience = Duration.seconds(60)

  /// Bytes of what it prints, at most.
  private static let limit = 1 << 16

  /// - Parameter line: the program and its arguments.
  /// - Throws: if it names none.
  init(_ line: String, of source: String) throws {
    guard let words = S3CredentialProcess.words(of: line), !words.isEmpty else {
      throw Failure(
        .malformed, "the credential_process of \(source) is no command, or a quote in it does not end",
        hint: "write the program and its arguments, those with spaces in double quotes")
    }
    self.words = words
    self.source = source
  }

  func credentials() throws -> S3Credentials {
    let name = "the credential_process of \(source)"
    let result: FilterProgram.Result
    do {
      result = try FilterProgram(
        words[0], arguments: Array(words.dropFirst()), variables: OwnEnvironment.variables
      ).run([], limit: S3CredentialProcess.limit, within: patience)
    } catch FilterProgram.Failure.notInstalled {
      throw Failure(
        .remote, "\(name) is no program that can be executed: \(words[0].visible())",
        hint: "correct it, or install the program")
    } catch FilterProgram.Failure.tooSlow {
      throw Failure(
        .remote, "\(name) did not end within \(patience.components.seconds) seconds, and was stopped",
        hint: "it can ask nobody anything here: sign in with it first")
    } catch FilterProgram.Failure.tooMuchOutput {
      throw Failure(.remote, "\(name) printed more than credentials have")
    }
    guard result.ending == .exited(0) else {
      let complaint = result.complaint.split(whereSeparator: \.isNewline).last.map { String($0.prefix(300)) }
      throw Failure(
        .remote, "\(name) failed: \((complaint ?? "it says nothing of why").visible())",
        // Its arguments may hold a secret.
        hint: "run \(words[0].visible()) by hand, with the arguments that stand there")
    }
    guard
      let found = S3Credentials(json: String(decoding: result.output, as: UTF8.self), token: "SessionToken")
    else {
      // What it printed may hold a secret.
      throw Failure(
        .remote, "\(name) printed something else than credentials",
        hint:
          "it is to print an object with AccessKeyId and SecretAccessKey, and perhaps SessionToken and Expiration"
      )
    }
    return found
  }

  /// The words of a command: between spaces, but for what stands in quotes or behind a backslash. Nothing else has a meaning.
  /// - Returns: nil where a quote does not end.
  static func words(of line: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in line {
      if isEscaped {
        // In double quotes it escapes a quote or itself alone.
        if quote != nil, character != "\"", character != "\\" { word = (word ?? "") + "\\" }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if quote == nil, character.isWhitespace {
        if let word { words.append(word) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if quote != nil || isEscaped { return nil }
    if let word { words.append(word) }
    return words
  }
}
