import Foundation
import JSON
import Support
import Testing

/// `brake compare` and `brake runs show`.
@Suite struct CompareTests {
  let folder = TemporaryFolder()

  init() throws {
    folder.write(
      """
      params: { rate: 0.1, name: "a,b" }
      stages:
        fit:
          run: |
            echo '{"loss": {"final": ${rate}, "same": 3}, "interval": [1, ${rate}], "curve": [1,2,3,4,5,6,7,8,${rate}], "good": true}' > ${out.fit}
            echo "${name}" > ${out.text}
          out: { fit: fit.json, text: text.txt }
      """, to: "brake.yaml")
    for parameters in [[], ["rate=0.25"]] {
      #expect(try BrakeProcess(["run"] + parameters, in: folder).wait().status == 0)
    }
  }

  @Test func `What differs between runs is a table`() throws {
    let found = try folder.brake("compare", "last~1", "last")
    #expect(found.status == 0, "\(found)")
    let rows = found.outLines.map { $0.split(separator: " ").map(String.init) }
    #expect(rows.contains(["*", "rate", "0.1", "0.25"]))
    #expect(rows.contains(["*", "fit.fit:", "loss.final", "0.1", "0.25"]))
    #expect(rows.contains(["*", "fit.fit:", "interval[1]", "0.1", "0.25"]))
    #expect(rows.contains { $0.starts(with: ["*", "fit.fit"]) && $0.count == 4 })
    #expect(!found.out.contains("curve"), "a long list")
    #expect(!found.out.contains("loss.same"))
    #expect(!found.out.contains("fit.text"))
    let all = try folder.brake("compare", "last~1", "last", "--all")
    let allRows = all.outLines.map { $0.split(separator: " ").map(String.init) }
    #expect(allRows.contains(["*", "fit.fit:", "curve[8]", "0.1", "0.25"]))
    #expect(allRows.contains(["fit.fit:", "loss.same", "3", "3"]))
    #expect(allRows.contains(["fit.fit:", "good", "true", "true"]))
  }

  @Test func `Tables and objects for programs hold numbers and digests in full`() throws {
    _ = try folder.brake("run", "rate=0.123456789")
    let csv = try folder.brake("compare", "last~1", "last~2", "last", "--csv", "--all")
    #expect(csv.out.contains("\nmetric,fit.fit: loss.final,0,0.25,0.1,0.123456789\n"))
    #expect(csv.out.contains("\nparameter,name,1,\"a,b\",\"a,b\",\"a,b\"\n"))
    let json = try JSON(parsing: try folder.brake("compare", "last~1", "last", "--json").out)
    let rate = try #require(json["rows"]?.array?.first { $0["name"] == "rate" })
    #expect(rate["values"] == [0.25, 0.123456789])
    #expect(rate["section"] == "parameter")
    #expect(json["runs"]?.array?.count == 2)
  }

  @Test func `No value in a table for programs is a formula for a spreadsheet`() throws {
    _ = try folder.brake("run", "name==1+1")
    let csv = try folder.brake("compare", "last~1", "last", "--csv")
    #expect(csv.out.contains("\nparameter,name,0,\"a,b\",'=1+1\n"), "\(csv)")
  }

  @Test func `A run is named by the beginning of its name`() throws {
    let runs = try JSON(parsing: try folder.brake("runs", "--json").out).array ?? []
    let names = runs.compactMap { $0["id"]?.string }
    #expect(names.count == 2)
    let shown = try folder.brake("runs", "show", names[1])
    #expect(shown.status == 0)
    #expect(shown.out.contains("rate = 0.25"))
    #expect(shown.out.contains("brake run rate=0.25"))
    #expect(shown.out.contains("fit.fit  sha256:"))
    #expect(
      try JSON(parsing: try folder.brake("runs", "show", names[0], "--json").out)["id"]?.string == names[0])
    for line in try folder.brake("runs").outLines {
      let name = String(line.prefix { $0 != " " })
      #expect(try folder.brake("runs", "show", name).status == 0)
    }
    let several = try folder.brake("runs", "show", "2")
    #expect(several.status == 2)
    #expect(several.err.contains("'2' names 2 runs"))
    #expect(try folder.brake("runs", "show", "last~7").status == 2)
    #expect(try folder.brake("runs", "show", "nonsense").status == 2)
    #expect(try folder.brake("runs", "show").status == 2)
    #expect(try folder.brake("compare", "last").status == 2)
  }

  @Test func `What the store has lost is said, and the rest compared`() throws {
    let digest = try #require(
      try JSON(parsing: try folder.brake("runs", "--last", "1", "--json").out).array?.first?["outputs"]?[
        "fit"]?["fit"]?
        .string)
    let hex = digest.dropFirst(7)
    _ = try folder.shell("rm -f cache/objects/\(hex.prefix(2))/\(hex.dropFirst(2))")
    let found = try folder.brake("compare", "last~1", "last")
    #expect(found.status == 0)
    #expect(found.err.contains("fit.fit: there is no object"))
    #expect(found.outLines.contains { $0.contains("loss.final") && $0.hasSuffix(" -") })
  }
}
