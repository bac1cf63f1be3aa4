import Foundation
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// Places for a value, each as a line that prints it and a NUL.
private let places = [
  "printf '%s\\0' ${k}", "printf '%s\\0' \"${k}\"", "printf '%s\\0' '${k}'", "printf '%s\\0' \"\"${k}''",
  "x=${k}; printf '%s\\0' \"$x\"", "x=\"${k}\"; printf '%s\\0' \"$x\"", "e=; printf '%s\\0' \"$e${k}\"",
  "e=; printf '%s\\0' $e${k}", "printf '%s\\0' \"$(printf %s ${k})\"",
  "printf '%s\\0' \"$(printf %s \"${k}\")\"",
  "printf '%s\\0' \"$(printf %s \"$(printf %s '${k}')\")\"", "printf '%s\\0' \"${k}\" # '\"${k}",
  "printf '%s\\0' \\\n${k}", "for x in ${k}; do printf '%s\\0' \"$x\"; done",
  "a=(1 ${k} 2); printf '%s\\0' \"$${a[1]}\"", "(printf '%s\\0' ${k}) | cat",
  "printf %s ${k}>&1; printf '\\0'",
  "cat <<EOF | tr '\\n' '\\0'\n${k}\nEOF", "cat <<'EOF' | tr '\\n' '\\0'\n${k}\nEOF",
  "cat <<-EOF | tr '\\n' '\\0'\n\t${k}\n\tEOF", "tr '\\n' '\\0' <<< ${k}", "tr '\\n' '\\0' <<<\"${k}\"",
  "cat <(printf '%s\\0' ${k})", "case ${k} in \"${k}\") printf '%s\\0' '${k}';; esac",
  "if [ ${k} = \"${k}\" ]; then printf '%s\\0' ${k}; fi", "f() { printf '%s\\0' \"$1\"; }; f ${k}",
  "printf '%s\\0' \"it's \\\" $$ \"'\"'${k} | sed -z 's/[^\"]*\"[^\"]*\"//' ",
  "echo a#b \"$#\" >/dev/null; printf '%s\\0' ${k}",
  "printf '%s\\0' $'\\x41'${k} | sed -z s/^A//", "x=\"a}\"; printf '%s\\0' $${x:+}${k}",
  "printf '%s\\0' $((1 << 2))${k} | sed -z s/^4//", "{ printf '%s\\0' ${k}; }",
]

/// Names that files can have, and keys: hostile, and the same in every run.
private func names(_ count: Int) -> [String] {
  let pieces = [
    "$(touch pwned)", "`touch pwned`", "'", "\"", "\\", "$", "${HOME}", "$HOME", "${in.a}", "$((1+1))", " ",
    "  ", "*",
    "?", "~", "!", "#", "&", "|", ";", "<", ">", "(", ")", "{a,b}", "EOF", "é", "日", "-n", "--", "=", "%s",
    "\\n", "a",
    "B", "7", ".", "\\\\", "\"\"", "''", "$'", "$\"", "!!", "^", ":", "@(x)", "\u{A0}", "in", "done", "E",
    "OF", "2>x",
  ]
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
  return pieces
    + (0..<count).map { _ in (0..<(1 + next(5))).map { _ in pieces[next(pieces.count)] }.joined() }
}

@Suite struct ShellQuotingTests {
  private static let position = Position(file: "p.yaml", line: 1, column: 1)

  /// A command in which `${k}` is a value.
  private func command(_ text: String, _ value: String, shell: String = "bash") throws -> String {
    let pieces = try Expression(text, at: Self.position).parts.map { part -> ShellForm.Piece in
      switch part {
      case .text(let text): .code(text)
      case .variable(let name): .value(name: name)
      case .path(let name): .path(name)
      }
    }
    let node = PipelineNode(content: .scalar(shell, isPlain: true), position: Self.position)
    return try template(pieces, [value], shell: CommandShell(node)).command { _ in [value] }
  }

  private func template(
    _ pieces: [ShellForm.Piece], _ values: [String] = [], shell: CommandShell = .bash
  ) throws -> ShellTemplate {
    let form = try ShellForm(pieces, shell: shell, at: Self.position)
    return try form.filled(form.values.indices.map { values[min($0, values.count - 1)] })
  }

  /// What a shell prints that reads a script from a file.
  private func output(_ script: String, of shell: [String], in folder: TemporaryFolder) throws -> [UInt8] {
    folder.write(script, to: "script")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = shell + [folder["script"]]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Array(bytes)
  }

  @Test(arguments: places) func `A value is what the shell reads, wherever it stands`(place: String) throws {
    let folder = TemporaryFolder()
    var script = ""
    var expected: [String] = []
    for name in names(60) {
      do {
        for text in [place, place.replacing("${k}", with: "${in.k}")] {
          script += try command(text, name) + "\n"
          expected.append(name)
        }
      } catch let error as PipelineError {
        #expect(place.contains("EOF") && "EOF".contains(name), "\(error)")
      }
    }
    let printed = try output(script, of: ["bash", "--noprofile", "--norc"], in: folder)
    let values = printed.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    #expect(values.map { String(decoding: $0, as: UTF8.self) } == expected)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["script"])
  }

  @Test func `Another shell reads the same`() throws {
    let folder = TemporaryFolder()
    for place in places where !place.contains("<(") && !place.contains("<<<") && !place.contains("=(") {
      if place.contains("$'") || place.contains("sed -z") { continue }
      let script = names(30).compactMap { try? command(place, $0, shell: "sh -eu") }.joined(
        separator: "\n")
      let wanted = names(30).filter { (try? command(place, $0, shell: "sh -eu")) != nil }
      let printed = try output(script, of: ["sh"], in: folder)
      let values = printed.split(separator: 0, omittingEmptySubsequences: false).dropLast()
      #expect(values.map { String(decoding: $0, as: UTF8.self) } == wanted, "\(place)")
    }
  }

  @Test(arguments: [
    ("echo `echo ${k}`", "inside backticks"), ("echo $'a${k}'", "inside $'…'"),
    ("echo $${x:-${k}}", "inside ${…}"), ("echo \"$${x:-${k}}\"", "inside ${…}"),
    ("echo \\${k}", "behind a backslash"),
    ("echo \"\\${k}\"", "behind a backslash"), ("echo $((1 + ${k}))", "where the shell calculates"),
    ("((x = ${k}))", "where the shell calculates"), ("a[${k}]=1", "where the shell calculates"),
    ("[[ ${k} -eq 1 ]]", "inside [[ … ]]"), ("[[ 1 -eq \"${k}\" ]]", "inside [[ … ]]"),
    ("cat <<EOF\n$(echo ${k})\nEOF", "behind an expansion in a here-document"),
    ("cat <<EOF\n$x${k}\nEOF", "behind an expansion in a here-document"),
    ("cat <<EOF\n\\${k}\nEOF", "behind a backslash"),
    ("cat <<${k}\nEOF", "behind the start of a here-document"),
    ("x=\"$(case a in a) echo;; esac)\"; echo \"${k}\"", "behind 'case' inside $(…)"),
    ("x=\"$${y:-\"z\"}\"; echo ${k}", "behind quotes or commands inside ${…}"),
    ("cat <<EOF \"\n\nEOF\n${k}\"", "behind a here-document before quotes"),
    ("echo $[ ${k} ]", "behind '$['"),
    ("((a) | b '${k}')", "behind '((' that is not closed"),
    ("echo \"$(cat <<EOF\nEOF)${k}\nEOF\n)\"", "behind the end of a here-document"),
  ]) func `Where a value cannot be quoted it is refused, with its place`(text: String, reason: String) {
    let error = #expect(throws: PipelineError.self) { try command(text, "a[$(touch pwned)]") }
    #expect(
      error?.description.contains("p.yaml:1:1: error: ${k} cannot be quoted here: it stands \(reason)")
        == true, "\(String(describing: error))")
  }

  @Test func `Numbers can be calculated with, and plain words compared`() throws {
    #expect(try command("echo $((${k} * 2))", "128") == "echo $((128 * 2))")
    #expect(try command("[[ ${k} -gt 1 && x == ${k} ]]", "128") == "[[ 128 -gt 1 && x == 128 ]]")
    #expect(try command("a[${k}]=1", "7") == "a[7]=1")
  }

  @Test func `Several paths are several words, and inside quotes one`() throws {
    let template = try template(
      [.code("cat "), .path("in.a"), .code(" \""), .path("in.a"), .code("\"")])
    #expect(try template.command { _ in ["./a b", "./c"] } == "cat './a b' ./c \"\"'./a b'\" ./c\"")
    #expect(template.text == "cat ${in.a} \"${in.a}\"")
  }

  @Test func `A program that is no shell is given plain values only`() throws {
    #expect(try command("print('${k}')", "./in/a-1.csv", shell: "python3") == "print('./in/a-1.csv')")
    #expect(throws: PipelineError.self) { try command("print('${k}')", "it's", shell: "python3") }
  }

  @Test func `Different commands have different texts`() throws {
    func text(_ pieces: [ShellForm.Piece], _ value: String = "") throws -> String {
      try template(pieces, [value]).text
    }
    let texts = try [
      text([.path("in.a")]), text([.code("${in.a}")]), text([.code("$${in.a}")]),
      text([.value(name: "k")], "${in.a}"),
      text([.code("$$${in.a}")]),
    ]
    #expect(Set(texts).count == texts.count, "\(texts)")
    #expect(throws: PipelineError.self) { try text([.code("$"), .path("in.a")]) }
    #expect(throws: PipelineError.self) { try text([.code("$$"), .path("in.a")]) }
  }

  @Test func `Any text is read to its end`() {
    let characters = Array("ab'\"`\\$(){}[]<>#;&|\n\t EOFcase-!~=%")
    var state: UInt64 = 7
    for _ in 0..<20_000 {
      var text = ""
      for _ in 0..<12 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(characters[Int(state >> 33) % characters.count])
      }
      var lexer = ShellLexer()
      for part in text.split(separator: "a", omittingEmptySubsequences: false) {
        lexer.add(String(part))
        lexer.addValue()
      }
      #expect(lexer.contexts().count == text.split(separator: "a", omittingEmptySubsequences: false).count)
    }
  }
}

@Suite struct CommandTextTests {
  @Test func `Keys of members are text in a command`() async throws {
    let workspace = try Workspace(
      """
      stages:
        make: { op: text.split, in: { text: keys.txt } }
        use:
          for: { k: make.parts }
          run: |
            printf '%s\\n' ${k} "${k}" '${k}' > ${out.o}; cat <<E >> ${out.o}
            ${k}
            E
          in: { p: "make.parts[${k}]" }
          out: { o: o.txt }
      """, files: ["keys.txt": "$(id) 1\n`id` 2\n'\" 3\n${in.p} 4\n-n 5\n"])
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    for key in ["$(id)", "`id`", "'\"", "${in.p}", "-n"] {
      let line = key + "\n"
      #expect(try workspace.output("use[\(key)]", "o", of: summary) == line + line + line + line)
    }
  }

  @Test func `A path is text, whatever it looks like, and no option`() async throws {
    let workspace = try Workspace(
      """
      stages:
        use:
          run: cat ${in.a} "${in.b}" '${in.c}' > ${out.o}
          in: { a: './$${out.o}', b: "./-n", c: "./it's $(touch pwned)" }
          out: { o: "o $(touch pwned).txt" }
      """, files: ["${out.o}": "1\n", "-n": "2\n", "it's $(touch pwned)": "3\n"])
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("use", "o", of: summary) == "1\n2\n3\n")
  }

  @Test func `A command can be longer than an argument of a program`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: |
            # \(String(repeating: "x", count: 200_000))
            echo done > ${out.o}; false | true
        t:
          shell: sh -eu
          run: |
            # \(String(repeating: "x", count: 200_000))
            echo done > ${out.o}
          out: { o: o.txt }
      """.replacing("false | true\n", with: "false | true\n    out: { o: o.txt }\n"))
    let summary = try await workspace.run(["t"])
    #expect(try workspace.output("t", "o", of: summary) == "done\n")
    #expect(try await workspace.run(["s"]).failures.first?.headline == "the command failed")
  }

  @Test func `A parameter is the author's own text`() throws {
    let plan = try plan(
      """
      params: { flags: "--a --b", text: "${flags} | cat" }
      stages: { s: { for: { v: [x y] }, run: "tool ${text} ${v} \\"${v}\\"" } }
      """)
    #expect(plan.command("s[x y]")?.text == "tool --a --b | cat 'x y' \"\"'x y'\"\"")
  }

  @Test func `A key is text in a version command, too`() throws {
    let plan = try plan(
      "stages: { s: { for: { k: ['$(touch x)'] }, run: x, tools: { a: \"a ${k} '${k}' --version\" } } }")
    #expect(plan.command("s[$(touch x)]")?.tools == ["a": "a '$(touch x)' '$(touch x)' --version"])
  }

  @Test func `A value that cannot be quoted is refused before anything runs`() {
    let error = planError(
      """
      stages:
        s:
          for: { v: ["a b"] }
          run: |
            true
            echo $((${v}))
      """)
    #expect(error.contains("p.yaml:4:10: error: ${v} cannot be quoted here"), "\(error)")
    #expect(error.contains("2 of the command: echo $((${v}"), "\(error)")
    #expect(planError("stages: { s: { run: \"a\\0b\" } }").contains("cannot hold a NUL character"))
  }
}
