import Artefacts
import JSON
import System
import Testing

@testable import Bundles

/// What `bundle.json` says, and what it may not.
@Suite struct BundleManifestTests {
  private let digest = Digest(of: Array("a".utf8)).description

  private func json(
    pipeline: String = "brake.yaml", source: String = "data/words.txt", brake: String = "bundle 1",
    date: String = "2026-11-21"
  ) -> JSON {
    [
      "brake": .string(brake), "pipeline": .string(pipeline), "parameters": [["n", "1"], ["n", "2=3"]],
      "targets": ["fit[47k,1]"], "given": [], "omitted": [.string(digest)],
      "sources": [["path": .string(source), "digest": .string(digest), "kind": "blob", "size": 1]],
      "stages": [
        [
          "name": "fit[47k,1]", "action": .string(digest),
          "outputs": [
            ["output": "fit", "digest": .string(digest), "kind": "blob", "size": 1, "mode": "755"]
          ],
        ]
      ],
      "title": [
        "name": "A", "description": "B", "license": .null, "authors": ["C"], "date": .string(date),
      ],
    ]
  }

  @Test func `It is read as it is written`() throws {
    let manifest = try BundleManifest(bytes: json().canonicalBytes)
    #expect(manifest.json == json())
    #expect(manifest.overrides.map(\.value) == ["1", "2=3"])
    #expect(manifest.stages[0].outputs[0].isExecutable)
  }

  @Test(arguments: ["../x", "/etc/passwd", "a/../b", "a//b", "./a", "a/", "", "a/\u{1B}[2J"])
  func `A path that leads elsewhere is refused`(_ path: String) {
    for json in [json(pipeline: path), json(source: path)] {
      #expect { try BundleManifest(bytes: json.canonicalBytes) } throws: {
        ($0 as? Failure)?.code == .refused
      }
    }
  }

  @Test func `What is no manifest is refused in words, whatever is missing`() throws {
    for bytes in [[], Array("{".utf8), Array("{}".utf8), Array("[1]".utf8)] {
      #expect { try BundleManifest(bytes: bytes) } throws: { ($0 as? Failure)?.code == .malformed }
    }
    for name in json().object!.keys where name != "brake" {
      var members = json().object!
      for value in [nil, JSON.integer(1), ["x"], [1]] {
        members[name] = value
        if name == "targets" && value == ["x"] { continue }
        #expect(throws: Failure.self) { try BundleManifest(bytes: JSON.object(members).canonicalBytes) }
      }
    }
    #expect {
      try BundleManifest(bytes: json(brake: "bundle 2").canonicalBytes)
    } throws: {
      ($0 as? Failure)?.code == .newer
    }
  }

  @Test(arguments: ["2026-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "today", "2026-04-31", ""])
  func `What is no day is refused`(_ day: String) {
    #expect(throws: Failure.self) { try BundleManifest(bytes: json(date: day).canonicalBytes) }
  }

  @Test(arguments: ["2024-02-29", "2000-02-29", "2026-12-31"])
  func `Days are days`(_ day: String) throws {
    #expect(try BundleManifest(bytes: json(date: day).canonicalBytes).title.date == day)
  }
}
