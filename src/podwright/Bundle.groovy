package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'f238bd39e847443abee31a776e54810137a1ba848c06ef59b9a1490626f31973'
  static final String JOBS_SUM = 'e5f21ac7732bbfe1c7b71fbda1394feb8b1918bf54bfa613dde3491ee09653d0'

  private static final long serialVersionUID = 1L
}
