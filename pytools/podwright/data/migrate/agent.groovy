agent {
  kubernetes {
    // Built from @file@ by a job of its own: buildImage(image: '@image@', @parameters@)
    yaml '''
      spec:
        containers:
          - {name: tools, image: '@image@:latest', command: [sleep], args: [99d]}
    '''
    defaultContainer 'tools'
  }
}
