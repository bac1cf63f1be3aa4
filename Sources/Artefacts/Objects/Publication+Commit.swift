internal import System

extension Publication {
  /// Commits several publications of one store at once, with the cost of one. If it throws, none of them is promised.
  /// - Returns: the keys of records that were there already and stayed.
  @discardableResult public static func commit(_ publications: [Publication]) throws -> [Digest] {
    try commitEach(publications).flatMap { try $0.get() }
  }

  /// The same, where what is wrong with one, such as a file that is gone before it is committed, is told of that one, and the others
  /// come into the store. What is wrong with the disk is told of all.
  /// - Returns: of each, in the same order, the keys of records that were there already and stayed.
  public static func commitEach(_ publications: [Publication]) -> [Result<[Digest], any Error>] {
    guard let first = publications.first else { return [] }
    precondition(publications.allSatisfy { $0.store === first.store }, "publications of different stores")
    var group = GroupCommit(publications.map { $0.take() }, with: first)
    group.run()
    return group.results
  }
}

/// Publications that are committed together: what is small goes into segments, the rest into files of its own.
private struct GroupCommit {
  private let publication: Publication
  private var pendings: [Pending]
  private var stayed: Set<Digest> = []
  private var failures: [Int: any Error] = [:]
  private let objects: [[Digest]]
  private let keys: [[Digest]]

  private var store: Store { publication.store }

  /// - Parameter publication: the first of them.
  init(_ pendings: [Pending], with publication: Publication) {
    self.pendings = pendings
    self.publication = publication
    objects = pendings.map { $0.objects.map(\.digest) }
    keys = pendings.map { Array($0.records.keys) }
  }

  var results: [Result<[Digest], any Error>] {
    keys.indices.map { number in
      if let error = failures[number] {
        .failure(error)
      } else {
        .success(keys[number].filter(stayed.contains))
      }
    }
  }

  mutating func run() {
    commitSmall()
    if publication.gathers { commitGathered() }
    commitFiles()
    let done = objects.indices.filter { failures[$0] == nil }
    do { try store.noteBack(done.flatMap { objects[$0] }) } catch { fail(done, error) }
  }

  private mutating func fail(_ numbers: [Int], _ error: any Error) {
    for number in numbers {
      failures[number] = failures[number] ?? error
      for path in pendings[number].temporaries { try? store.files.remove(path) }
      pendings[number] = Pending()
    }
  }

  /// Commits the results of actions that can stand in a segment.
  private mutating func commitSmall() {
    let small = pendings.indices.filter { !pendings[$0].records.isEmpty && pendings[$0].isSmall }
    guard !small.isEmpty, store.segments.takes(small.count) else { return }
    var commit = SegmentCommit(store)
    var taken: [Int] = []
    for number in small {
      do {
        if try !commit.take(pendings[number]) { continue }
        pendings[number] = Pending()
        taken.append(number)
      } catch { fail([number], error) }
    }
    do { stayed.formUnion(try commit.commit()) } catch { fail(taken, error) }
  }

  /// Commits what goes into a segment though no action has made it here.
  private mutating func commitGathered() {
    for number in pendings.indices {
      guard let gathered = pendings[number].takeGathered(atLeast: Segments.leastAtOnce) else { continue }
      do {
        var commit = SegmentCommit(store)
        if try commit.take(gathered) {
          stayed.formUnion(try commit.commit())
        } else {
          // Something in it is to have a file of its own.
          _ = pendings[number].add(gathered)
        }
      } catch { fail([number], error) }
    }
  }

  /// Commits what gets files of its own.
  private mutating func commitFiles() {
    defer { publication.abandon() }
    var commit = FileCommit(publication)
    for number in pendings.indices where failures[number] == nil {
      commit.take(pendings[number], of: number)
      pendings[number] = Pending()
    }
    let end = Result { try commit.run() }
    for (number, error) in commit.failures { fail([number], error) }
    do { stayed.formUnion(try end.get()) } catch { fail(commit.numbers, error) }
  }
}
