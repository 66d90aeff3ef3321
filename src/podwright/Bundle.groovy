package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b39e1f90c1c502340aba174aa35ee0e8b2b28f5de87f38988ddef208cdbc1c27'
  static final String JOBS_SUM = 'e5f69d1eb669df7c1e46b3b2dad294b9434769961654571d07b4ebc325af860e'

  private static final long serialVersionUID = 1L
}
