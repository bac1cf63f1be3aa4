import ArgumentParser

@main struct Brake: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "brake")
  func run() async throws {}
}
