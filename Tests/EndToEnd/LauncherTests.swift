import Foundation
import Support
import Testing

/// `./brake`, the script, in a copy of the project with a toolchain that only writes down what it is asked.
@Suite struct LauncherTests {
  let folder = TemporaryFolder()

  init() throws {
    folder.write("first", to: "my project/Sources/main.swift")
    folder.write("", to: "my project/Package.swift")
    // Built, it prints the source, where it runs and its arguments.
    folder.write(
      """
      #!/bin/sh
      if [ "$1" = --version ]; then echo "Swift version 6.3.1 (swift-6.3.1-RELEASE)"; exit; fi
      echo build >> \(folder["builds.txt"])
      if grep -q broken Sources/main.swift; then echo "main.swift:1:1: error: it is broken"; exit 1; fi
      sleep 0.3
      mkdir -p .build/release
      { echo '#!/bin/sh'; echo "echo '$(cat Sources/main.swift)' in \\$PWD:"; echo 'printf "<%s>" "$@"'; } > .build/release/new
      chmod +x .build/release/new; mv .build/release/new .build/release/brake
      """, to: "swift.sh")
    // Copied by another process: a script that is still open for writing somewhere in this one cannot be executed.
    let copies = try folder.shell(
      """
      mkdir -p elsewhere 'my project/Scripts' toolchain/usr/bin
      cp "\(BrakeProcess.packageRoot)/brake" 'my project/'
      cp "\(BrakeProcess.packageRoot)/Scripts/setup.sh" 'my project/Scripts/'
      cp swift.sh toolchain/usr/bin/swift; chmod +x toolchain/usr/bin/swift
      """)
    try #require(copies.status == 0, "\(copies.err)")
  }

  private func launch(_ command: String) throws -> Finished {
    try folder.shell("cd elsewhere; " + command, environment: ["SWIFT_HOME": folder["toolchain"]])
  }

  private var builds: Int { (folder.text("builds.txt") ?? "").split(separator: "\n").count }

  @Test func `It builds once, and hands the arguments on as they are`() throws {
    let first = try launch("'../my project/brake' put 'a b' ''")
    #expect(first.out == "first in \(folder["elsewhere"]):\n<put><a b><>")
    #expect(first.err.contains("building for the first time"))
    let second = try launch("'../my project/brake'")
    #expect(second.err.isEmpty)
    #expect(builds == 1)
  }

  @Test func `It works through symbolic links and through PATH`() throws {
    let run = try launch(
      "ln -s '../my project/brake' one; ln -s one two; ./two x; PATH=\"$PWD:$PATH\"; two y")
    #expect(run.out.contains("<x>") && run.out.contains("<y>"), "\(run)")
    #expect(builds == 1)
  }

  @Test func `It builds again when a source changes, comes or goes, and not when one is read`() throws {
    _ = try launch("'../my project/brake'")
    folder.write("second", to: "my project/Sources/main.swift")
    #expect(try launch("'../my project/brake'").out.hasPrefix("second"))
    #expect(builds == 2)
    folder.write("", to: "my project/Sources/sub/new.swift")
    _ = try launch("'../my project/brake'")
    #expect(builds == 3)
    try FileManager.default.removeItem(atPath: folder["my project/Sources/sub/new.swift"])
    _ = try launch("'../my project/brake'; cat '../my project/Sources/main.swift'; '../my project/brake'")
    #expect(builds == 4)
  }

  @Test func `A failed build shows the compiler's errors and runs nothing`() throws {
    _ = try launch("'../my project/brake'")
    folder.write("broken", to: "my project/Sources/main.swift")
    let run = try launch("'../my project/brake'")
    #expect(run.status == 2)
    #expect(run.out.isEmpty)
    #expect(run.err.contains("main.swift:1:1: error: it is broken"))
    #expect(run.err.contains("nothing was run"))
  }

  @Test func `First calls at the same time build once`() throws {
    let run = try launch("for i in 1 2 3; do '../my project/brake' $i & done; wait")
    for argument in ["<1>", "<2>", "<3>"] { #expect(run.out.contains(argument)) }
    #expect(builds == 1)
  }

  @Test func `Another program called swift is not taken for the compiler`() throws {
    folder.write("#!/bin/sh\necho 'swift 4.6.0'\n", to: "openstack/swift")
    let run = try launch(
      "chmod +x ../openstack/swift; PATH=\"\(folder["openstack"]):$PATH\" '../my project/brake' x")
    #expect(run.out.contains("<x>"))
  }

  /// A PATH with the usual tools, but without gnuplot, and with an apt-get that "installs" it.
  private func launchWithoutGnuplot(root: Bool) throws -> Finished {
    folder.write(
      "#!/bin/sh\necho \"$*\" >> \(folder["apt.txt"])\nln -s /bin/true \(folder["bin"])/gnuplot\n",
      to: "apt.sh")
    folder.write("#!/bin/sh\necho \(root ? 0 : 1000)\n", to: "id.sh")
    return try launch(
      """
      mkdir ../bin
      for tool in sh cat chmod env find flock git grep ln mkdir mktemp mv readlink rm sed sleep tail xz zstd; do
        ln -s "$(command -v $tool)" ../bin/$tool
      done
      cp ../apt.sh ../bin/apt-get; cp ../id.sh ../bin/id; chmod +x ../bin/apt-get ../bin/id
      PATH=\(folder["bin"]) '../my project/brake' x
      """)
  }

  @Test func `Missing packages are named and installed`() throws {
    let run = try launchWithoutGnuplot(root: true)
    #expect(run.status == 0, "\(run.err)")
    #expect(run.out.contains("<x>"))
    #expect(run.err.contains("installing") && run.err.contains("gnuplot-nox"))
    #expect(folder.text("apt.txt")?.contains("install -y") == true)
    #expect(folder.text("apt.txt")?.contains("gnuplot-nox") == true)
  }

  @Test func `Without root and sudo the command to run is printed`() throws {
    let run = try launchWithoutGnuplot(root: false)
    #expect(run.status == 2)
    #expect(run.out.isEmpty)
    #expect(run.err.contains("as root, run: apt-get install -y"))
    #expect(!folder.exists("apt.txt"))
    #expect(builds == 0)
  }
}
