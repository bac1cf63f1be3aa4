import Foundation
import JSON
import Safetensors
import Support
import Testing

/// One tensor of a checkpoint, written as a file of its own.
@Suite struct TensorTests {
  private let mine = TemporaryFolder()
  private let yours = TemporaryFolder()
  private let place = TemporaryFolder()
  private let weights: [UInt8]
  private let digest: String

  init() throws {
    let source = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/dev/urandom"))
    func random(_ count: Int) throws -> [UInt8] { [UInt8](try source.read(upToCount: count) ?? Data()) }
    weights = try random(600_000)
    let tensors = [
      "layers.0.weight": weights, "layers.0.bias": try random(8), "layers.1.weight": try random(4_000_000),
    ]
    let writer = try SafetensorsWriter(tensors.map { ($0.key, .bfloat16, [$0.value.count / 2]) })
    var bytes: [UInt8] = []
    try writer.write(
      { tensor, pass in try tensors[tensor.name]!.withUnsafeBytes { try pass($0) } },
      to: { bytes.append(contentsOf: $0) })
    try Data(bytes).write(to: URL(fileURLWithPath: mine["model.safetensors"]))
    let put = try mine.brake("put", "model.safetensors")
    digest = String(put.out.prefix(71))
  }

  private func brake(
    _ folder: TemporaryFolder, _ arguments: String..., status: Int32 = 0
  ) throws -> Finished {
    let run = try BrakeProcess(arguments, in: folder).wait()
    #expect(run.status == status, "\(arguments): \(run.out)\(run.err)")
    return run
  }

  /// Whether a file holds just the wanted tensor.
  private func holdsWeights(_ folder: TemporaryFolder, _ name: String) throws -> Bool {
    let file = try SafetensorsFile(try #require(folder.read(name)))
    let tensor = Array(try #require(file["layers.0.weight"]))
    return file.tensors.map(\.name) == ["layers.0.weight"] && file.tensors[0].dtype == .bfloat16
      && file.tensors[0].shape == [300_000] && tensor == weights
  }

  @Test func `A tensor of an artefact in the store is had by any name of it`() throws {
    let got = try brake(mine, "get", "\(digest)#layers.0.weight")
    let name = "\(digest.dropFirst(7).prefix(12)).layers.0.weight.safetensors"
    #expect(got.out == "\(digest)#layers.0.weight  BF16 [300000]  \(name)\n" && got.err.isEmpty)
    #expect(try holdsWeights(mine, name))
    _ = try brake(mine, "ref", "best", digest)
    _ = try mine.shell("$BRAKE cat '@best#layers.0.weight' > cat.safetensors")
    #expect(try holdsWeights(mine, "cat.safetensors"))
    let short = String(digest.dropFirst(7).prefix(10))
    _ = try brake(mine, "get", "\(short)#layers.0.weight", "-o", "w.safetensors")
    #expect(mine.read("w.safetensors") == mine.read(name))
    #expect(
      try brake(mine, "get", "\(short)#layers.0.bias", "-o", "w.safetensors", status: 2).err.contains(
        "exists"))
    _ = try brake(mine, "get", "\(short)#layers.0.bias", "-o", "w.safetensors", "--force")
    #expect(
      try SafetensorsFile(try #require(mine.read("w.safetensors"))).tensors.map(\.name) == ["layers.0.bias"])
    // Names with other characters are escaped as in any address.
    let escaped = digest + "#layers%2E0.weight"
    #expect(try brake(mine, "get", escaped, "-o", "e.safetensors").status == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: mine.path).allSatisfy { !$0.hasSuffix("partial") })
  }

  @Test func `What is no tensor is told, with those that there are`() throws {
    let near = try brake(mine, "get", "\(digest)#layers.0.wieght", status: 2).err
    #expect(
      near.contains("has no tensor 'layers.0.wieght'") && near.contains("did you mean 'layers.0.weight'?"))
    let far = try brake(mine, "cat", "\(digest)#embedding.of.tokens", status: 2).err
    #expect(far.contains("layers.0.bias, layers.0.weight, layers.1.weight"))
    mine.write("text", to: "t.txt")
    let text = String(try brake(mine, "put", "t.txt").out.prefix(71))
    #expect(try brake(mine, "cat", "\(text)#w", status: 2).err.contains("no safetensors file"))
    #expect(try brake(mine, "cat", "nothing#w", status: 2).err.contains("hint:"))
    #expect(
      try brake(mine, "pull", "--from", place["s"], "\(digest)#w", status: 2).err.contains("single tensor"))
    #expect(try mine.shell("$BRAKE get '\(digest)#' ; test $? = 2").status == 0)
  }

  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `From a web server only the part comes that holds it`() throws {
    let server = try WebDAV(in: place)
    defer { server.stop() }
    let address = "http://127.0.0.1:\(server.port)/lab"
    _ = try brake(mine, "push", "--to", address, digest)
    let line = "\(digest)?from=\(address)#layers.0.weight"
    let got = try brake(yours, "get", line, "-o", "w.safetensors")
    #expect(try holdsWeights(yours, "w.safetensors"))
    #expect(got.err.contains("were read from \(address)"))
    // Of 4.6 MB the chunk with the tensor and the header, and the end of the file.
    let amount = try #require(got.err.firstMatch(of: /note: ([0-9.]+) kB were read/)).output.1
    #expect(try #require(Double(amount)) < 800)
    #expect(!yours.exists("cache/objects"))
    _ = try yours.shell("$BRAKE cat '\(line)' > cat.safetensors")
    #expect(try holdsWeights(yours, "cat.safetensors"))
    #expect(try brake(yours, "cat", line + "s", status: 2).err.contains("did you mean"))

    // A folder is read where it is.
    let folder = "\(digest)?from=\(place["web/lab"])#layers.0.weight"
    _ = try brake(yours, "get", folder, "-o", "f.safetensors")
    #expect(try holdsWeights(yours, "f.safetensors"))

    // Damage in that part is told, and nothing is left.
    let object = place["web/lab/objects/\(digest.dropFirst(7).prefix(2))/\(digest.dropFirst(9))"]
    _ = try place.shell(
      "chmod u+w '\(object)'; printf XXXX | dd of='\(object)' bs=1 seek=200000 conv=notrunc")
    let damaged = try brake(yours, "get", line, "-o", "d.safetensors", status: 2).err
    #expect(damaged.contains("what \(address) has as the object \(digest) is damaged"))
    let left = try FileManager.default.contentsOfDirectory(atPath: yours.path).sorted()
    #expect(left.filter { $0 != "cache" } == ["cat.safetensors", "f.safetensors", "w.safetensors"])
  }

  @Test(
    .enabled(if: SecureShell.isInstalled, "ssh and sshd are not installed, or this is not root"),
    arguments: ["ssh", "sftp"])
  func `Through ssh and SFTP only the part comes that holds it`(_ scheme: String) throws {
    let server = try SecureShell(in: place)
    defer { server.stop() }
    let address = "\(scheme)://127.0.0.1:\(server.port)\(place["far/store"])"
    let environment = ["BRAKE_SSH": server.command, "BRAKE_REMOTE_BRAKE": BrakeProcess.binary]
    #expect(try mine.brake("push", "--to", address, digest, environment: environment).status == 0)
    let line = "\(digest)?from=\(address)#layers.0.weight"
    let got = try yours.brake("get", line, "-o", "w.safetensors", environment: environment)
    #expect(got.status == 0, "\(got.err)")
    #expect(try holdsWeights(yours, "w.safetensors"))
    let amount = try #require(got.err.firstMatch(of: /note: ([0-9.]+) kB were read/)).output.1
    #expect(try #require(Double(amount)) < 800)
    #expect(!yours.exists("cache/objects"))
  }
}
