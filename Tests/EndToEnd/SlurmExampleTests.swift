import Foundation
import JSON
import Support
import Testing

/// The example in `docs/slurm.md`, read by brake as a user who copies it has it read.
@Suite struct SlurmExampleTests {
  private let folder = TemporaryFolder()

  /// The block of the page that begins with a comment.
  private func block(_ comment: String) throws -> String {
    let page = try String(contentsOfFile: BrakeProcess.packageRoot + "/docs/slurm.md", encoding: .utf8)
    let blocks = page.components(separatedBy: "\n```").map { $0.drop { $0 != "\n" }.dropFirst() }
    return String(try #require(blocks.first { $0.hasPrefix("# \(comment)\n") })) + "\n"
  }

  @Test func `The pipeline and the configuration of the example are read as they stand`() throws {
    let configuration = try block("~/.config/brake/config")
    #expect(configuration.components(separatedBy: "\nslurm-setup: ").count == 4)
    folder.write(configuration, to: "config")
    folder.write(try block("brake.yaml"), to: "brake.yaml")
    folder.write("print()", to: "train.py")
    let variables = ["BRAKE_CONFIG": folder["config"], "XDG_STATE_HOME": folder["state"]]
    #expect(try folder.brake("lint", environment: variables).status == 0)
    let status = try folder.brake("status", "--json", environment: variables)
    try #require(status.status == 0, "\(status.err)")
    #expect(status.out.contains(#""cores":4,"gpus":1,"memory":34359738368,"time":43200"#), "\(status.out)")
    // Of other settings a second one is still a mistake.
    folder.write(configuration + "runner: local\n", to: "config")
    let refused = try folder.brake("status", environment: variables)
    #expect(refused.status == 2 && refused.err.contains("sets 'runner' once more"), "\(refused.err)")
  }
}
