import System

extension WebClient {
  /// Reads a file. Goes on where a broken answer ended, if the file is still the same.
  ///
  /// - Parameter mayBeginAgain: whether a server that has no rest to give is asked for the whole file once more.
  /// - Returns: the head of the answer; that there is no such file is told by the landing.
  @discardableResult func read(
    _ landing: Landing, from url: String, headers: [String] = [], mayBeginAgain: Bool = true
  ) throws -> WebAnswer {
    var tag: String?
    var end = 0
    landing.isGoingOn = false
    let answer = try ask(
      {
        var request = WebRequest(method: "GET", url: url, headers: headers)
        if landing.count > 0 {
          if let tag {
            request.headers += ["Range: bytes=\(landing.count)-", "If-Range: \(tag)"]
          } else {
            try landing.restart()
          }
        }
        return request
      },
      receive: { [self] piece, answer in
        if landing.count == 0 {
          tag = answer.headers["etag"].flatMap { $0.hasPrefix("W/") ? nil : $0 }
          if let length = answer.length, length > landing.limit {
            throw RemoteFailure.damaged(
              name, "offers \(length) bytes for \(landing.path), which has \(landing.limit) at most")
          }
        } else if answer.status != 206, !landing.isGoingOn {
          // The whole file comes again.
          try landing.restart()
        }
        if !landing.isGoingOn {
          end =
            answer.length.map { min(max($0, 0), landing.limit) + landing.count } ?? landing.unannouncedLimit
        }
        guard landing.count + piece.count <= end else {
          throw tooMuch(for: landing, after: end, answer)
        }
        landing.isGoingOn = true
        try landing.append(piece, from: name)
      },
      again: { landing.isGoingOn = false })
    if try isMissing(answer, landing.path) {
      landing.miss()
      return answer
    }
    // The range that is missing is none: the file is as long as what has come, or another one.
    if answer.status == 416, landing.count > 0, mayBeginAgain {
      try landing.restart()
      return try read(landing, from: url, headers: headers, mayBeginAgain: false)
    }
    guard answer.isSuccess else { throw refusal(answer, landing.path) }
    landing.arrive()
    return answer
  }

  /// More than was announced, or than the file can have, is not the file. That nothing was announced says nothing of the file.
  private func tooMuch(for landing: Landing, after count: Int, _ answer: WebAnswer) -> Failure {
    if answer.length == nil, count < landing.limit {
      return RemoteFailure.refused(
        name, "sends more than \(count) bytes for \(landing.path), and has not said how many come",
        hint: "a server that says how long its answers are (Content-Length) may send more")
    }
    return RemoteFailure.damaged(
      name, "sends more than \(count) bytes for \(landing.path), and has not said that so many come")
  }
}
