extension Store {
  /// What an action produced; nil if no record has this key.
  /// - Throws: `.damaged` if the record cannot be believed. It is moved to `quarantine/`, so the next look finds none.
  public func record(_ key: Digest) throws -> Record? {
    let path = recordPath(key)

    do {
      let file: InputFile
      do { file = try InputFile(path) } catch {
        if error.code == .notFound { return nil }
        throw error
      }

      guard file.size <= RecordFile.limit else { throw Damage("it is larger than any record") }
      return try RecordFile.read(file.readAll(), key: key)
    } catch let damage as Damage {
      let moved = FileStatus(path).flatMap { moveToQuarantine(path, named: "action-" + key.hex, $0) }
      throw ArtefactError(
        .damaged,
        "the record \(key) in \(root) is damaged: \(damage.reason)\(moved.map { "; it is now \($0)" } ?? "")",
        remedy: "run the pipeline again: the stage that it belongs to will run")
    }
  }

  /// All records, for `why`, `provenance` and `ls`; damaged ones are reported, not returned.
  public func records(damaged: (ArtefactError) -> Void) throws -> [Record] {
    var records: [Record] = []
    for key in try digests(under: "actions") {
      do {
        if let record = try record(key) { records.append(record) }
      } catch let error as ArtefactError where error.code == .damaged {
        damaged(error)
      }
    }
    return records
  }
}
