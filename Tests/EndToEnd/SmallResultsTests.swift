import Foundation
import JSON
import Support
import Testing

/// Many small results on their way through real servers: they go in one file, and come back from it.
@Suite struct SmallResultsTests {
  private let mine = TemporaryFolder()
  private let place = TemporaryFolder()

  private static let pipeline = """
    stages:
      small:
        for: { n: 1..40 }
        run: "echo result ${n} > ${out.o}"
        out: { o: o.txt }
        sandbox: false
    """

  init() throws {
    mine.write(SmallResultsTests.pipeline, to: "brake.yaml")
    #expect(try mine.brake().status == 0)
  }

  private func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: place[path])) ?? []).sorted()
  }

  /// Sends all of it twice, and runs from it elsewhere.
  /// - Parameter folder: where the place is on this machine.
  private func check(
    _ address: String, at folder: String, inSegments: Bool = true, environment: [String: String] = [:]
  ) throws {
    func brake(_ folder: TemporaryFolder, _ arguments: String...) throws -> Finished {
      let run = try BrakeProcess(arguments, in: folder, environment: environment).wait()
      #expect(run.status == 0, "\(arguments): \(run.err)")
      return run
    }
    let sent = try JSON(parsing: Array(brake(mine, "push", "--json", "--to", address).out.utf8))
    #expect(sent["objects"] == 40 && sent["records"] == 40)
    #expect(names(in: folder + "/segments").isEmpty != inSegments)
    #expect(names(in: folder + "/actions").isEmpty == inSegments)
    let again = try JSON(parsing: Array(brake(mine, "push", "--json", "--to", address).out.utf8))
    #expect(again["objects"] == 0 && again["objects_there"] == 40 && again["records_there"] == 40)
    let yours = TemporaryFolder()
    yours.write(SmallResultsTests.pipeline, to: "brake.yaml")
    let run = try brake(yours, "run", "--remote-cache", "read", "--remote", address)
    #expect(run.out.contains("0 ran, 40 hit"))
    _ = try brake(yours, "pull", "--from", address, "small")
    #expect(try brake(yours, "cat", "small[17].o").out == "result 17\n")
    #expect(try brake(yours, "verify").status == 0)
    #expect(try mine.brake("verify", "--store", place[folder]).status == 0)
  }

  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `Through nginx`() throws {
    let server = try WebDAV(in: place, methods: "PUT DELETE MKCOL MOVE")
    defer { server.stop() }
    try check("http://127.0.0.1:\(server.port)/some/place", at: "web/some/place")
    #expect(names(in: "web/some/place/catalogue") == ["0"])
    let requests = try #require(place.text("requests")).split(separator: "\n")
    #expect(requests.count { $0.contains("PUT /some/place/objects/") } == 0)
    #expect(requests.count { $0.contains("PUT /some/place/segments/") } == 1)
  }

  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `Through nginx that knows no MOVE all get files`() throws {
    let server = try WebDAV(in: place)
    defer { server.stop() }
    try check("http://127.0.0.1:\(server.port)/place", at: "web/place", inSegments: false)
    #expect(names(in: "web/place/catalogue").isEmpty)
  }

  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `A store whose results were put together is had from a web server as it is`() throws {
    let server = try WebDAV(in: place)
    defer { server.stop() }
    #expect(try mine.brake("repack", "--small").status == 0)
    _ = try mine.shell("cp -r cache '\(place["web/copy"])'")
    #expect(!names(in: "web/copy/catalogue").isEmpty && names(in: "web/copy/segments").count > 1)
    let yours = TemporaryFolder()
    yours.write(SmallResultsTests.pipeline, to: "brake.yaml")
    let address = "http://127.0.0.1:\(server.port)/copy"
    let run = try BrakeProcess(["run", "--remote-cache", "read", "--remote", address], in: yours).wait()
    #expect(run.status == 0 && run.out.contains("0 ran, 40 hit"), "\(run.err)")
    let pull = try yours.brake("pull", "--from", address, "small")
    #expect(pull.status == 0, "\(pull.err)")
    #expect(try yours.brake("cat", "small[40].o").out == "result 40\n")
  }

  @Test(.enabled(if: Apache.isInstalled, "Apache is not installed, or this is not root"))
  func `Through Apache`() throws {
    let server = try Apache(in: place)
    defer { server.stop() }
    try check("http://127.0.0.1:\(server.port)/some/place", at: "web/some/place")
    #expect(names(in: "web/some/place/catalogue") == ["0"])
  }

  @Test(.enabled(if: SecureShell.isInstalled, "ssh and sshd are not installed, or this is not root"))
  func `Through SFTP`() throws {
    let server = try SecureShell(in: place)
    defer { server.stop() }
    try check(
      "sftp://127.0.0.1:\(server.port)\(place["far/store"])", at: "far/store",
      environment: ["BRAKE_SSH": server.command, "BRAKE_REMOTE_BRAKE": "false"])
    #expect(names(in: "far/store/catalogue") == ["0"] && names(in: "far/store/tmp").isEmpty)
  }

  @Test(.enabled(if: SecureShell.isInstalled, "ssh and sshd are not installed, or this is not root"))
  func `Through ssh`() throws {
    let server = try SecureShell(in: place)
    defer { server.stop() }
    try check(
      "ssh://127.0.0.1:\(server.port)\(place["far/store"])", at: "far/store",
      environment: ["BRAKE_SSH": server.command, "BRAKE_REMOTE_BRAKE": BrakeProcess.binary])
  }

  @Test func `Through a folder`() throws { try check(place["store"], at: "store") }
}

/// The real Apache with WebDAV.
private struct Apache {
  private static let modules = "/usr/lib/apache2/modules"
  static let isInstalled =
    getuid() == 0
    && ["/usr/sbin/apache2", "\(modules)/mod_dav_fs.so"].allSatisfy(FileManager.default.fileExists)

  let port: UInt16
  private let folder: TemporaryFolder

  init(in folder: TemporaryFolder) throws {
    self.folder = folder
    port = Loopback.freePort()
    let (path, modules) = (folder.path, Apache.modules)
    folder.write(
      """
      ServerName localhost
      ServerRoot \(path)
      Listen 127.0.0.1:\(port)
      PidFile \(path)/pid
      DefaultRuntimeDir \(path)
      User www-data
      Group www-data
      LoadModule mpm_event_module \(modules)/mod_mpm_event.so
      LoadModule authz_core_module \(modules)/mod_authz_core.so
      LoadModule dav_module \(modules)/mod_dav.so
      LoadModule dav_fs_module \(modules)/mod_dav_fs.so
      DavLockDB \(path)/locks/locks
      DocumentRoot \(path)/web
      ErrorLog \(path)/errors
      <Directory \(path)/web>
      Dav On
      </Directory>
      """, to: "apache.conf")
    _ = try folder.shell(
      """
      chmod 755 '\(path)'; mkdir -p '\(path)/web' '\(path)/locks'; chown www-data '\(path)/web' '\(path)/locks'
      /usr/sbin/apache2 -f '\(path)/apache.conf' -k start
      """)
    try wait(for: port)
  }

  func stop() { _ = try? folder.shell("kill $(cat '\(folder.path)/pid')") }
}
