/// A heap of numbers, each with a priority: the one with the smallest priority comes first.
package struct IndexHeap {
  private var entries: [(element: Int, priority: Int)] = []

  package init() {}

  package var isEmpty: Bool { entries.isEmpty }
  package var count: Int { entries.count }
  /// In no order.
  package var elements: [Int] { entries.map(\.element) }

  package mutating func insert(_ element: Int, _ priority: Int) {
    entries.append((element, priority))
    var child = entries.count - 1
    while child > 0, entries[child].priority < entries[(child - 1) / 2].priority {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  package mutating func popSmallest() -> Int? {
    guard let smallest = entries.first, let last = entries.popLast() else { return nil }
    if entries.isEmpty { return smallest.element }
    entries[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < entries.count && entries[child].priority < entries[least].priority {
        least = child
      }
      if least == parent { return smallest.element }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
