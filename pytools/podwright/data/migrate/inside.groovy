withBuilderPod(pod: [yaml: '''
  spec:
    containers:
      - {name: @name@, image: '@image@', command: [sleep], args: [99d]@env@}
''']) {
  checkout scm
  container('@name@') {
@body@
  }
}
