import ArgumentParser
import Runs
import System

/// `--trust`: whose records count, for one run.
struct TrustOption: ParsableArguments {
  @Option(
    name: .customLong("trust"),
    help: ArgumentHelp(
      """
      Whose records count, such as me,signed: me (computed here by you, or found to be the same by 'brake audit'), signed (by an allowed \
      signer), any; one of anybody else is as if it were not there (default: what is configured, or else any).
      """, valueName: "groups"))
  var groups: String?

  /// - Throws: if the configuration or the option cannot be understood.
  func trust() throws -> Trust {
    try Configuration.read().trust(groups.map { try Configuration.groups($0) })
  }
}
