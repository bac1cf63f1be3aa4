import Artefacts
import Testing

@Suite struct HashTreeTests {
  private static func entries(_ count: Int) -> [Digest] {
    (0..<count).map { Digest(of: Array("entry \($0)".utf8)) }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 1000])
  func everyWayLeadsToTheRoot(count: Int) {
    let entries = HashTreeTests.entries(count)
    let tree = HashTree(of: entries)
    #expect(tree.ways.count == count)
    for (entry, way) in zip(entries, tree.ways) {
      #expect(HashTree.root(from: entry, by: way) == tree.root)
      #expect(way.count <= 10)
    }
  }

  /// The root of three entries, written out as RFC 9162 has it.
  @Test func theRootIsThatOfTheRFC() {
    let entries = HashTreeTests.entries(3)
    let leaves = entries.map { Digest(of: [0] + $0.bytes) }
    let left = Digest(of: [1] + leaves[0].bytes + leaves[1].bytes)
    #expect(HashTree(of: entries).root == Digest(of: [1] + left.bytes + leaves[2].bytes))
  }

  @Test func anotherEntryOrAnotherWayLeadsElsewhere() {
    let entries = HashTreeTests.entries(5)
    let tree = HashTree(of: entries)
    #expect(HashTree.root(from: entries[1], by: tree.ways[0]) != tree.root)
    #expect(HashTree.root(from: entries[0], by: Array(tree.ways[0].dropLast())) != tree.root)
    // A node is no entry, though its digest stands in the ways of others.
    let inner = tree.ways[0][1].sibling
    #expect(HashTree.root(from: inner, by: Array(tree.ways[0].dropFirst(2))) != tree.root)
  }
}
