public import Artefacts

extension StoreKeeper {
  /// What was done, or would be.
  public struct Outcome: Sendable {
    /// What was set aside now, needed or not.
    public var aside = SweptAmount()
    /// What was removed for good now.
    public var removed = SweptAmount()
    /// What is not needed, and is too young to be set aside.
    public var young = SweptAmount()
    /// What stands in `aside/` when all is done.
    public var waiting = SweptAmount()
    /// What had been set aside and is needed.
    public var takenBack = SweptAmount()
    /// What is needed and was set aside for the sake of the budget.
    public var evicted: [Evicted] = []
    /// What is needed and stays.
    public var kept = SweptAmount()
    /// Bytes by which what stays is larger than the budget: nothing else may go.
    public var overBudget = 0
    /// Bytes of inputs and images that were written out for commands, which are made again when a command reads them.
    public var writtenOut = 0
    /// Files of signatures that were removed, since their records are gone.
    public var signatures = 0
  }

  /// Outputs of an action that were set aside although they are needed.
  public struct Evicted: Sendable {
    public let stage: String
    public let key: Digest
    public let objects: Int
    public let bytes: Int
    /// How long it takes to make them again.
    public let seconds: Double

    var amount: SweptAmount {
      var amount = SweptAmount()
      (amount.objects, amount.bytes) = (objects, bytes)
      return amount
    }
  }

  /// How far it is.
  public enum Phase: Sendable {
    case looking
    case settingAside(Int, of: Int)
    case lookingAgain
    case removing
  }
}
