import ArgumentParser

/// How much of what artefacts were made from goes or comes with them.
struct LineageOption: ParsableArguments {
  @Flag(help: "Without the records of how it was made and of all that it was made from.")
  var noLineage = false
  @Flag(name: .customLong("lineage"), help: "Also all that the stages before them have made.")
  var all = false

  /// Whether the records do.
  var records: Bool { !noLineage }

  func validate() throws {
    if all && noLineage { throw ValidationError("--lineage and --no-lineage exclude each other") }
  }
}
